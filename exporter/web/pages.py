"""The status page, the page of one alert, and the JSON behind them. BlueKing is never asked from here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Flask, Response, abort, jsonify, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from exporter.flow.known import KnownAlert
from exporter.ledger import LedgerError
from exporter.metrics import Moment, Plan, Publisher, WatchedState
from exporter.web import plots, texts, words
from exporter.web.api import alerts_document, blank_alert, shards_document, sources_document
from exporter.web.links import Links
from exporter.web.listing import find, label_pairs, watched_alert
from exporter.web.plain import plain_text
from exporter.web.query import BadQuery, Query, read_query
from exporter.web.story import Event, tell

_LABELS_OFFERED = 200
_TEXTS: tuple[Callable[..., str], ...] = (texts.utc, texts.iso, texts.span, texts.ago, texts.ahead, texts.grouped)
_WORDS: tuple[Callable[..., object], ...] = (
    words.acked,
    words.deadline,
    words.membership,
    words.watched,
    words.requests,
    words.pace,
    words.failures,
)

FindAlerts = Callable[[str], Mapping[str, KnownAlert] | None]
"""Returns what the ledger has of an id, by source, resting alerts included. Raises `LedgerError`."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages are made of. `alert_url` is the config's template of BlueKing's own pages; `clock` tells unix
    seconds; `telemetry_path` is where the metrics are.
    """

    publisher: Publisher
    version: str
    telemetry_path: str
    alert_url: Callable[[], str | None]
    find_alerts: FindAlerts
    clock: Callable[[], float]

    @property
    def moment(self) -> Moment:
        """What scrapes get now."""
        return self.publisher.current.moment

    @property
    def links(self) -> Links:
        """The links of alerts, within a request."""
        return Links(lambda source, alert_id: url_for("alert", source=source, alert_id=alert_id), self.alert_url())


def add_pages(app: Flask, site: Site) -> None:
    """Add the pages and their JSON to the application."""
    for say in (*_TEXTS, *_WORDS):
        app.add_template_filter(say, say.__name__)
    app.jinja_env.globals.update(version=site.version, telemetry_path=site.telemetry_path)
    app.register_error_handler(BadQuery, _bad_query)
    app.add_url_rule("/", "status", lambda: _status(site))
    app.add_url_rule("/alerts/<source>/<alert_id>", "alert", lambda source, alert_id: _alert(site, source, alert_id))
    app.add_url_rule("/api/v1/alerts", "api_alerts", lambda: _api_alerts(site))
    app.add_url_rule("/api/v1/sources", "api_sources", lambda: _api_sources(site))


def _status(site: Site) -> str:
    moment, query, now = site.moment, _query(), site.clock()
    listing = find(moment, query)
    told = sources_document(moment, now=now)
    return render_template(
        "status.html",
        now=now,
        moment=moment,
        sources=told["sources"],
        shards=told["shards"],
        query=query,
        listing=listing,
        alerts=alerts_document(moment, listing, site.links, now=now, per_page=query.per_page)["alerts"],
        blank=blank_alert(),
        states=list(WatchedState),
        offered=label_pairs(moment, _LABELS_OFFERED),
        ack_times=plots.ack_times(moment),
        deadlines=plots.deadlines(moment),
        plots=plots,
    )


def _alert(site: Site, source: str, alert_id: str) -> str:
    moment = site.moment
    watched = watched_alert(moment, source, alert_id)
    known = _from_ledger(site, source, alert_id) if watched is None else watched.known
    now = site.clock()
    story = tell(known, Plan() if watched is None else watched.plan, moment.view.bounds, now)
    return render_template(
        "alert.html",
        now=now,
        moment=moment,
        story=story,
        known=known,
        state=None if watched is None else watched.state,
        plan=None if watched is None else watched.plan,
        shards=shards_document(moment),
        elsewhere=_elsewhere(moment, known),
        link=site.links.blueking(known),
        since_creation=_since_creation(known),
    )


def _from_ledger(site: Site, source: str, alert_id: str) -> KnownAlert:
    """Return an alert that rests or is watched no more: it is on disk only."""
    try:
        found = site.find_alerts(alert_id) or {}
    except LedgerError:
        abort(503)
    if source not in found:
        abort(404)
    return found[source]


def _elsewhere(moment: Moment, known: KnownAlert) -> int | None:
    """Return the shard of an alert that this exporter does not have."""
    shard = moment.view.shards.of_labels(known.labels)
    return None if shard in moment.owned else shard


def _since_creation(known: KnownAlert) -> Callable[[Event], str]:
    def since_creation(event: Event) -> str:
        created_at = known.true_created_at
        return "" if created_at is None or event.at <= created_at else f"+{texts.span(event.at - created_at)}"

    return since_creation


def _api_alerts(site: Site) -> Response:
    moment, query = site.moment, _query()
    listing = find(moment, query)
    return jsonify(alerts_document(moment, listing, site.links, now=site.clock(), per_page=query.per_page))


def _api_sources(site: Site) -> Response:
    return jsonify(sources_document(site.moment, now=site.clock()))


def _query() -> Query:
    return read_query(MultiDict(request.args))


def _bad_query(error: BadQuery) -> tuple[Response, int]:
    if request.path.startswith("/api/"):
        return jsonify({"error": str(error)}), 400
    return plain_text(f"400 {error}\n"), 400
