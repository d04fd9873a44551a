"""The threat model of docs/security.md: each line of it has tests, and there are those tests."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \| ([^|]*) \|$",
    (TOP / "docs" / "security.md")
    .read_text()
    .partition("## What an attacker can try")[2]
    .partition("What is not held")[0],
    re.MULTILINE,
)[1:]


def functions_of(name: str) -> set[str]:
    """Return the functions in the one file of this name."""
    (path,) = (TOP / "tests").rglob(name)
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_kind_of_attacker_is_there() -> None:
    """Those that anybody can be who reaches something that the exporter reads."""
    assert {part for who, _, _ in ROWS for part in who.split(", ")} >= {
        "network",
        "upstream",
        "alert's text",
        "watch file",
        "web config file",
    }


@pytest.mark.parametrize(("what", "named"), [(what, named) for _, what, named in ROWS], ids=range(len(ROWS)))
def test_each_line_is_held_by_tests_that_there_are(what: str, named: str) -> None:
    """A test that was renamed is renamed there, too."""
    tests = re.findall(r"`(\w+\.py)::(test_\w+)`", named)

    assert tests, what
    assert len(tests) == named.count("`") // 2
    assert [test for file, test in tests if test not in functions_of(file)] == []
