"""Asking: the few requests that tell how a source fares, and what came of each."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from exporter.blueking import BlueKing, BlueKingError, NoSuchAlert, Page, Reason, SearchQuery, TooFast
from exporter.config import SearchSettings, SourceSettings
from exporter.flow.known import creation_from_id
from exporter.flow.records import Log
from exporter.online.places import Endpoint, Place, place_of
from exporter.watch import Watches
from exporter.watch.search import SearchRound

_WINDOW = 3600.0
_AHEAD = 86_400.0  # to a clock that is behind, the newest alerts are still to come
_PAGE_SIZE = 20
_MOST_LOGS = 5
_MOST_TROUBLES = 2
OF_ONE_ALERT = frozenset({Reason.UPSTREAM, Reason.UNREADABLE})
"""Trouble that one alert alone may be in, for ever (api.md); with two of them it is the source's."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a source told, and what kept it from telling more.

    `page` is None where no search was made. `logs` holds what came of each alert that was asked about, by its id, in
    the order of asking; where it is empty, `spared` tells why no log was asked for, empty where there was no alert to
    ask about. `answered` are the places that gave any HTTP answer, be it a refusal.
    """

    page: Page | BlueKingError | None = None
    logs: Mapping[str, Log | BlueKingError] = field(default_factory=dict)
    spared: str = ""
    answered: frozenset[Place] = frozenset()

    def error(self, endpoint: Endpoint) -> BlueKingError | None:
        """Return the first error of an endpoint; that it does not know an alert is an answer, and none."""
        outcomes = (self.page,) if endpoint == "search_alert" else tuple(self.logs.values())
        errors = (outcome for outcome in outcomes if isinstance(outcome, BlueKingError))
        return next((error for error in errors if not isinstance(error, NoSuchAlert)), None)


def first_search(source: SourceSettings) -> SearchSettings | None:
    """Return what the first search watch of a source searches for; None where none of them does."""
    return next((watch.search for watch in source.watch if watch.search is not None), None)


def ask(source: SourceSettings, labels: Iterable[str], *, now: float) -> Told:
    """Ask for one page of the first search, and for the logs of at most five alerts.

    Where the search was asked too fast, or in vain, nothing more is asked there. `labels` are the config's; `now` is in
    unix seconds.
    """
    answered: set[Place] = set()

    def observe(endpoint: str, code: str, _seconds: float) -> None:
        if code != "error":
            answered.add(place_of(source, "search_alert" if endpoint == "search_alert" else "get_event_log"))

    with closing(BlueKing(source, observe=observe, now=lambda: now)) as client:
        search = first_search(source)
        page = None if search is None else _page(client, _query(search, now))
        spared = _why_spared(source, page, answered)
        logs = {} if spared else _logs(client, _alert_ids(page, source, labels, now))
    return Told(page, logs, spared, frozenset(answered))


def _query(search: SearchSettings, now: float) -> SearchQuery:
    query = SearchRound(search, now - _WINDOW, now + _AHEAD).query
    if query is None:
        raise AssertionError("a round begins with a page")
    return replace(query, page_size=_PAGE_SIZE)


def _page(client: BlueKing, query: SearchQuery) -> Page | BlueKingError:
    try:
        return client.search_alert(query)
    except BlueKingError as error:
        return error


def _why_spared(source: SourceSettings, page: Page | BlueKingError | None, answered: Collection[Place]) -> str:
    """Return why the source is to be spared further requests, empty where it is not."""
    place = place_of(source, "get_event_log")
    if isinstance(page, TooFast):
        return "the source wants us to wait"
    if isinstance(page, BlueKingError) and place == place_of(source, "search_alert") and place not in answered:
        return f"{place.host} was not reached"
    return ""


def _alert_ids(
    page: Page | BlueKingError | None, source: SourceSettings, labels: Iterable[str], now: float
) -> tuple[str, ...]:
    """Return whom to ask about: alerts that the search found, else those listed; after the first, dated ids only."""
    found = [sighting.alert_id for sighting in page.sightings] if isinstance(page, Page) else []
    ids = found or list(Watches(source.name, source.watch, labels).selection())
    dated = [alert_id for alert_id in ids[1:] if creation_from_id(alert_id, now) is not None]
    return (*ids[:1], *dated)[:_MOST_LOGS]


def _logs(client: BlueKing, alert_ids: Iterable[str]) -> dict[str, Log | BlueKingError]:
    """Return what came of each alert, as far as asking on makes sense."""
    logs: dict[str, Log | BlueKingError] = {}
    troubles = 0
    for alert_id in alert_ids:
        logs[alert_id] = told = _log(client, alert_id)
        if not isinstance(told, BlueKingError) or isinstance(told, NoSuchAlert):
            continue
        troubles += 1
        if told.reason not in OF_ONE_ALERT or troubles == _MOST_TROUBLES:
            break
    return logs


def _log(client: BlueKing, alert_id: str) -> Log | BlueKingError:
    try:
        return client.get_event_log(alert_id)
    except BlueKingError as error:
        return error
