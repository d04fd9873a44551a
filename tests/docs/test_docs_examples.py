"""What the documents tell people to type works: commands exist with their options, configs load."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from exporter.cli import main
from exporter.config import load_config

TOP = Path(__file__).parents[2]
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")])
NAME = "bkmonitor-flow-exporter"


def blocks(document: Path, language: str) -> list[str]:
    """Return the code blocks of a document that are marked as being in `language`."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [block for marked, block in found if marked == language]


def typed(document: Path) -> Iterator[str]:
    """Yield the arguments of our command, wherever a line of a code block begins with it."""
    for block in blocks(document, ""):
        lines = block.replace("\\\n", " ").splitlines()
        yield from (found[1] for line in lines if (found := re.match(rf"(?:\$ )?(?:\.venv/bin/)?{NAME} +(.+)", line)))


COMMANDS = [pytest.param(line, id=f"{document.name}: {line}") for document in DOCUMENTS for line in typed(document)]
CONFIGS = [
    pytest.param(block, id=f"{document.name} {number}")
    for document in DOCUMENTS
    for number, block in enumerate(blocks(document, "yaml"))
    if "sources:" in block
]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_are_commands(line: str) -> None:
    """The command line takes what a document says to type, as far as a shell would hand it over."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    words = list(lexer)
    command, *arguments = words[: next((at for at, word in enumerate(words) if set(word) <= set("<>|&;")), len(words))]
    found = main.get_command(click.Context(main), command)

    assert found is not None, line
    found.make_context(command, arguments)


@pytest.mark.parametrize("block", CONFIGS)
def test_the_configs_load(block: str, tmp_path: Path) -> None:
    """Whoever copies a whole config has one; the files that it names are made beside it."""
    for name in re.findall(r"\w+_file: ([\w/.-]+)", block):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("not-a-secret")
    (tmp_path / "config.yaml").write_text(block)

    assert len(load_config(tmp_path / "config.yaml", {}).sources) == len(yaml.safe_load(block)["sources"])
