"""The tables of commands and of their options tell what there is, and no more."""

import re
from pathlib import Path

import click
import pytest

from exporter.cli import main

TOP = Path(__file__).parents[2]
CONTEXT = click.Context(main)
# A page with a table of options is about the command whose name it has.
PAGES = [path for path in sorted((TOP / "docs").glob("*.md")) if "\n| option |" in path.read_text(encoding="utf-8")]


def table(text: str, first: str) -> list[list[str]]:
    """Return the cells of the table of a page whose first column is called `first`, row by row."""
    found = re.search(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    assert found, first
    return [re.split(r" (?<!\\)\| ", line[2:-2]) for line in found[1].splitlines()]


def shown_defaults(page: Path) -> dict[str, str | None]:
    """Return the options in the table of a page with the default that it shows, None where it has no such column."""
    rows = table(page.read_text(encoding="utf-8"), "option")
    return {name: row[1] if len(row) == 3 else None for row in rows for name in re.findall(r"--[a-z.-]+", row[0])}


def options(command: str) -> dict[str, click.Option]:
    """Return the options of a command by their names, but for `--help`."""
    found = main.get_command(CONTEXT, command)
    assert found is not None, command
    return {param.opts[0]: param for param in found.params if isinstance(param, click.Option)}


def words_for_default(option: click.Option) -> tuple[str, ...]:
    """Return what a table may say of an option's default."""
    if option.required:
        return ("required",)
    if option.is_flag:
        return ("off",)
    return ("all", "none") if option.multiple else (f"`{option.default}`",)


def test_there_are_tables_of_options() -> None:
    """The pages of the commands with many options have them."""
    assert [page.stem for page in PAGES] == ["backfill", "explain"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_table_has_every_option_of_its_command(page: Path) -> None:
    """An option that is added, renamed or dropped must be so on the page."""
    assert set(shown_defaults(page)) == set(options(page.stem))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_table_shows_the_defaults_of_its_command(page: Path) -> None:
    """What the page calls required is so, and a default is what one gets without the option."""
    known = options(page.stem)
    shown = {name: default for name, default in shown_defaults(page).items() if default is not None}

    assert [name for name, default in shown.items() if default not in words_for_default(known[name])] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_has_every_command(name: str) -> None:
    """A command that is added, renamed or dropped must be so in the table."""
    text = (TOP / name).read_text(encoding="utf-8")
    commands = re.findall(r"^\| `([a-z]+)(?: [A-Z]+)?` \|", text, flags=re.MULTILINE)

    assert sorted(commands) == sorted(main.list_commands(CONTEXT))
