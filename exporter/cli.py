"""The command line: gathers the commands. Each tells its errors in one line and an exit code."""

import gc
import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import click

from exporter import __version__


@dataclass(frozen=True, slots=True)
class _Command:
    """A command: what the list of commands tells of it, and where it is, as the module and its name there."""

    summary: str
    module: str
    name: str

    def load(self) -> click.Command:
        module = f"exporter.commands.{self.module}"
        command = getattr(sys.modules.get(module) or _imported(module), self.name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.module}.{self.name} is no command")
        return command


def _imported(module: str) -> ModuleType:
    """Import a module; what it is made of stays: the collector would look through all of it again and again."""
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()  # nor need it look there later, least of all when the process ends
        gc.enable()


_COMMANDS = {
    "backfill": _Command(
        "Write what happened in a range of time as OpenMetrics with timestamps.", "backfilling", "backfill"
    ),
    "check": _Command("Check the config and the files it names; asks no source unless --online.", "checking", "check"),
    "dashboards": _Command("Write the Grafana dashboards, for Grafana 11 and newer.", "drawing", "dashboards"),
    "demo": _Command(
        "Run a simulated BlueKing and the exporter together: nothing to configure, nothing left behind.",
        "serving",
        "demo",
    ),
    "estimate": _Command(
        "Count the series that the config would make on the alerts that its watches see now.",
        "estimating",
        "estimating",
    ),
    "explain": _Command(
        "Tell what the flow of alert ID adds to which metric, and why; beside it, what the ledger has.",
        "explaining",
        "explain",
    ),
    "ledger": _Command("Check a ledger, and move it to another database.", "ledger", "ledger"),
    "rules": _Command("Print recording and alerting rules for the config's ack targets.", "ruling", "rules"),
    "schema": _Command("Print the config's JSON Schema, for editors.", "checking", "schema"),
    "serve": _Command(
        "Poll the configured sources and serve /metrics, until SIGTERM or SIGINT; SIGHUP reloads the config.",
        "serving",
        "serve",
    ),
    "simulate": _Command("Run a simulated BlueKing alone, until SIGTERM or SIGINT.", "simulating", "simulate"),
}


class _Commands(click.Group):
    """Imports a command when it is asked for: most of what one of them needs, `--help` and the others do without."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command, None where there is none of that name."""
        return _COMMANDS[cmd_name].load() if cmd_name in _COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name].summary) for name in self.list_commands(ctx)])


@click.group(
    cls=_Commands,
    commands={name: click.Command(name) for name in _COMMANDS},  # where click looks for similar names
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="bkmonitor-flow-exporter")
def main() -> None:
    """Prometheus exporter for the event flow records of BlueKing Monitor."""
