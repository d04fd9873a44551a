"""The command line: gathers the commands. Each tells its errors in one line and an exit code."""

import click

from exporter import __version__
from exporter.commands.backfilling import backfill
from exporter.commands.checking import check, schema
from exporter.commands.drawing import dashboards
from exporter.commands.estimating import estimating
from exporter.commands.explaining import explain
from exporter.commands.ruling import rules
from exporter.commands.serving import demo, serve
from exporter.commands.simulating import simulate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bkmonitor-flow-exporter")
def main() -> None:
    """Prometheus exporter for the event flow records of BlueKing Monitor."""


for command in (serve, demo, check, estimating, backfill, rules, dashboards, explain, schema, simulate):
    main.add_command(command)
