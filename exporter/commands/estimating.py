"""estimate: how many series a config would make, before anyone deploys it."""

import json
import time
from pathlib import Path

import click

from exporter import logs
from exporter.commands.options import chosen_sources, config_file_option, fail, load
from exporter.config import Settings
from exporter.estimate import Layout, as_json, as_text, estimate, own_row, see_source
from exporter.service import bounds
from exporter.service.sources import ack_targets


@click.command(name="estimate")
@config_file_option
@click.option("--source", "source_name", help="Only this source.  [default: all]")
@click.option(
    "--output",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the estimate is written.",
)
def estimating(config_file: Path, source_name: str | None, output_format: str) -> None:
    """Count the series that the config would make on the alerts that its watches see now.

    Makes each search once and asks for no log. Ends with 1 where a source could not be asked; the others are counted.
    """
    logs.set_up("warning", "logfmt")
    settings = load(config_file)
    sources = chosen_sources(settings, () if source_name is None else (source_name,))
    layout = _layout(settings)
    window = settings.poll.first_seen_window
    seen = [see_source(source, settings.labels, window=window, now=time.time(), pause=time.sleep) for source in sources]
    alerts = [alert for source in seen for alert in source.alerts]
    estimated = estimate(alerts, layout, [own_row([source.name for source in seen], layout.bounds)])
    if output_format == "json":
        click.echo(json.dumps(as_json(estimated, seen, layout, window), indent=2, ensure_ascii=False))
    else:
        for line in as_text(estimated, seen, layout, window):
            click.echo(line)
    troubles = [f"{source.name}: {trouble}" for source in seen for trouble in source.troubles]
    if troubles:
        fail("\n".join(troubles))


def _layout(settings: Settings) -> Layout:
    return Layout(
        bounds(settings.histograms, settings.ack_targets),
        ack_targets(settings),
        alert_series=settings.limits.alert_series,
        label_sets=settings.limits.label_sets,
        created_series=settings.web.created_series,
    )
