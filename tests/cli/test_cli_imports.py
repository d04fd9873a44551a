"""What the command line imports: help and version come at once, and a command brings only what it needs."""

import subprocess
import sys

import click
import pytest

from exporter.cli import main

HEAVY = {"cheroot", "flask", "prometheus_client", "pydantic", "requests", "sqlalchemy"}
PROGRAM = """\
import sys
from exporter.cli import main
try:
    main(sys.argv[1:])
finally:
    print("imported", *sys.modules, file=sys.stderr)
"""
READING = """\
import gc, linecache
from exporter.cli import main
main.get_command(None, "serve")
print(gc.isenabled(), gc.get_freeze_count() > 0, *(file for file in linecache.cache if file.endswith(".py")))
"""


def imported(*arguments: str) -> set[str]:
    """Return the modules that a process has imported once it has done a command."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.rpartition("imported ")[2].split())


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(argument: str) -> None:
    """Neither a library that takes its time, nor any command."""
    found = imported(argument)

    assert not found & HEAVY
    assert "exporter.cli" in found
    assert not {name for name in found if name.startswith("exporter.commands")}


@pytest.mark.parametrize(
    ("command", "spared"),
    [
        ("check", {"cheroot", "flask", "prometheus_client", "requests"}),
        ("dashboards", {"cheroot", "flask", "prometheus_client", "requests"}),
        ("rules", {"cheroot", "flask", "prometheus_client", "requests"}),
        ("serve", {"exporter.simulator", "exporter.backfill", "exporter.explain", "flask", "jinja2", "werkzeug"}),
    ],
)
def test_a_command_imports_what_it_needs(command: str, spared: set[str]) -> None:
    """What serves pages or asks sources, or stands in for one, comes with the commands that do so."""
    assert not imported(command, "--help") & spared


def test_an_import_reads_no_source_and_is_no_matter_for_the_collector() -> None:
    """Byte code is enough, and the collector, which is at work, leaves alone what stays anyway."""
    done = subprocess.run([sys.executable, "-c", READING], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split() == ["True", "True"]


def test_the_list_of_commands_tells_of_each_what_its_own_help_begins_with() -> None:
    """The list is written without them, and says the same."""
    context = click.Context(main)
    formatter = click.HelpFormatter(width=200)
    main.format_commands(context, formatter)
    listed = dict(line.strip().split("  ", 1) for line in formatter.getvalue().splitlines() if "  " in line.strip())

    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.help is not None
        assert command.help.startswith(listed[name].strip())
        assert command.name == name
