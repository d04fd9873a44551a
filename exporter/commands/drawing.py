"""dashboards: what Grafana should show."""

import json
from pathlib import Path

import click

from exporter.commands.options import fail, load
from exporter.dashboards import BUNDLED, bundled, fitted, outlook_of


@click.command()
@click.option(
    "--config.file",
    "config_file",
    type=click.Path(path_type=Path),
    help="The config to fit them to: its labels, ack targets and web.alert_url. Without: as they are bundled.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to write them to; it is made where there is none.",
)
def dashboards(config_file: Path | None, output: Path) -> None:
    """Write the Grafana dashboards, for Grafana 11 and newer."""
    outlook = BUNDLED if config_file is None else outlook_of(load(config_file))
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, dashboard in bundled().items():
            text = json.dumps(fitted(dashboard, outlook), indent=2, ensure_ascii=False)
            (output / name).write_text(f"{text}\n", encoding="utf-8")
            click.echo(output / name)
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}")
