"""explain: one alert's flow, what it adds to which metric and why, and how the ledger and the source differ."""

import json
import re
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click
from sqlalchemy import make_url

from exporter import logs
from exporter.blueking import BlueKing, BlueKingError
from exporter.commands.options import chosen_sources, config_file_option, fail, load
from exporter.config import ALERT_ID, Settings, SourceSettings
from exporter.explain import Case, Zones, as_json, as_text
from exporter.explain import explain as explained
from exporter.flow.advance import Policy
from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, make_labels
from exporter.flow.records import Log
from exporter.flow.shards import Shards
from exporter.ledger import LedgerError
from exporter.ledger.reading import find_alerts
from exporter.service import bounds
from exporter.service.sources import ack_targets
from exporter.watch import Watches


def _checked_id(_ctx: click.Context, _param: click.Parameter, alert_id: str) -> str:
    if not re.fullmatch(ALERT_ID, alert_id):
        raise click.BadParameter("expected the id of an alert, such as 164239028644167")
    return alert_id


@click.command()
@click.argument("alert_id", metavar="ID", callback=_checked_id)
@config_file_option
@click.option("--source", "wanted", metavar="NAME", help="The alert's source, where several could be meant.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--offline", is_flag=True, help="Tell what the ledger knows; ask no source.")
def explain(alert_id: str, config_file: Path, wanted: str | None, output: str, offline: bool) -> None:
    """Tell what the flow of alert ID adds to which metric, and why; beside it, what the ledger has.

    Reads the ledger beside a running exporter, without touching it, and asks the source for one log.
    """
    logs.set_up("error", "logfmt")
    settings = load(config_file)
    try:
        found = find_alerts(settings.ledger.url, alert_id)
    except LedgerError as error:
        fail(str(error))
    source = _source(settings, wanted, found or {}, alert_id)
    case = _case(settings, source, alert_id, found, offline=offline)
    if case.known is None and case.log is None:
        fail(f"{source.name}: alert {alert_id} cannot be explained\n  ledger: {case.ledger}\n  log: {case.log_told}")
    zones = Zones(source.timezone)
    if output == "json":
        click.echo(json.dumps(as_json(explained(case), zones), indent=2))
    else:
        for line in as_text(explained(case), zones):
            click.echo(line)


def _source(settings: Settings, wanted: str | None, found: Mapping[str, KnownAlert], alert_id: str) -> SourceSettings:
    """Return the source that is meant; ends the process with 2 where that is not clear."""
    if wanted is not None:
        return chosen_sources(settings, (wanted,))[0]
    sources = {source.name: source for source in settings.sources}
    known = sources.keys() & found.keys()
    likely = known or {name for name, source in sources.items() if alert_id in _selection(settings, source)}
    meant = likely if len(sources) > 1 else sources.keys()
    if len(meant) > 1:
        several = ", ".join(name for name in sources if name in meant)
        raise click.UsageError(f"several sources know alert {alert_id}: {several}; say which one with --source")
    if not meant:
        names = ", ".join(sources)
        raise click.UsageError(f"no source is known to have alert {alert_id}; say which one with --source: {names}")
    return sources[next(iter(meant))]


def _selection(settings: Settings, source: SourceSettings) -> Mapping[str, Mapping[str, str]]:
    """Return the labels of the alerts that the watches of a source list."""
    selection = Watches(source.name, source.watch, settings.label_names).selection()
    return {alert_id: dict(selected.labels) for alert_id, selected in selection.items()}


def _case(
    settings: Settings,
    source: SourceSettings,
    alert_id: str,
    found: Mapping[str, KnownAlert] | None,
    *,
    offline: bool,
) -> Case:
    now = time.time()
    known = None if found is None else found.get(source.name)
    labels = known.labels if known else _first_labels(settings, source, alert_id)
    target = ack_targets(settings).within(labels)
    log, log_told = (None, "not asked for") if offline else _log(source, alert_id, now)
    return Case(
        known=known,
        log=log,
        first_sight=KnownAlert(source.name, alert_id, labels, first_seen_at=now, ack_target=target),
        bounds=bounds(settings.histograms, settings.ack_targets),
        policy=Policy(settings.poll.settle, settings.poll.max_age),
        now=now,
        ledger=_ledger_told(settings.ledger.url, found, known),
        log_told=log_told,
    )


def _first_labels(settings: Settings, source: SourceSettings, alert_id: str) -> Labels:
    """Return the labels that an alert gets when it is first seen."""
    selected = make_labels(_selection(settings, source).get(alert_id, {"source": source.name}))
    shards = Shards(settings.shards)
    return shards.labelled(selected, shards.of(source.name, alert_id))


def _log(source: SourceSettings, alert_id: str, now: float) -> tuple[Log | None, str]:
    """Return the alert's log as its source tells it now, and how that went."""
    with closing(BlueKing(source, observe=lambda _endpoint, _code, _seconds: None, now=lambda: now)) as client:
        try:
            return client.get_event_log(alert_id), "read now"
        except BlueKingError as error:
            return None, f"not read ({error.reason}): {error}"


def _ledger_told(url: str, found: Mapping[str, KnownAlert] | None, known: KnownAlert | None) -> str:
    file = make_url(url).database
    if found is None:
        return f"{file} does not exist"
    return f"{file} does not know the alert" if known is None else f"{file} knows the alert"
