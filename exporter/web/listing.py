"""The watched alerts of one moment: found by a query, sorted, and cut into pages."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from exporter.flow.known import KnownAlert
from exporter.flow.sightings import Outcome
from exporter.metrics import Moment, Plan, SourceState, WatchedState
from exporter.web.query import Query

_LATE = float("inf")


@dataclass(frozen=True, slots=True)
class WatchedAlert:
    """A watched alert that does not rest: what the ledger knows, how it stands, and what is planned."""

    known: KnownAlert
    state: WatchedState
    plan: Plan

    @property
    def name(self) -> str:
        """What a search calls it, empty where no search found it."""
        return self.field("alert_name")

    @property
    def outcome(self) -> Outcome | None:
        """How it ended by its records, or by a search that they do not contradict yet; None while it is open."""
        seen = self.known.sighting
        return self.known.outcome or (None if seen is None else seen.outcome)

    @property
    def due_at(self) -> float | None:
        """When its ack deadline falls, or fell (unix seconds)."""
        created_at, target = self.known.true_created_at, self.known.ack_target
        return None if created_at is None or target is None else created_at + target

    def field(self, name: str) -> str:
        """Return a field of the alert as a search told it."""
        return "" if self.known.sighting is None else self.known.sighting.fields.get(name, "")


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the alerts that a query finds. `total` are all watched ones, `by_state` counts them."""

    alerts: tuple[WatchedAlert, ...]
    matched: int
    total: int
    page: int
    pages: int
    by_state: Mapping[WatchedState, int] = field(default_factory=dict)


def find(moment: Moment, query: Query) -> Listing:
    """Return the page that `query` asks for, or the last one where there are fewer."""
    sources = {source.name: source for source in moment.sources}
    by_state: Counter[WatchedState] = Counter()
    found = []
    for known in _watched(moment, sources):
        state = state_of(known, sources[known.source])
        by_state[state] += 1
        if _is_wanted(known, state, query):
            found.append((known, state))
    alerts = _sorted([WatchedAlert(known, state, Plan()) for known, state in found], query, sources)
    pages = max(1, -(-len(alerts) // query.per_page))
    page = min(query.page, pages)
    shown = alerts[(page - 1) * query.per_page : page * query.per_page]
    planned = tuple(_planned(alert, sources) for alert in shown)
    return Listing(planned, len(alerts), by_state.total(), page, pages, by_state)


def watched_alert(moment: Moment, source: str, alert_id: str) -> WatchedAlert | None:
    """Return one watched alert that does not rest; None where there is no such one."""
    sources = {state.name: state for state in moment.sources}
    known = moment.view.alerts.get((source, alert_id))
    if known is None or known.key not in moment.watched or source not in sources:
        return None
    return _planned(WatchedAlert(known, state_of(known, sources[source]), Plan()), sources)


def state_of(known: KnownAlert, source: SourceState) -> WatchedState:
    """Return how a watched alert stands, as `watched_alerts{state}` counts it."""
    given_up = source.given_up.get(known.alert_id)
    return given_up or (WatchedState.OPEN if known.outcome is None else WatchedState.SETTLING)


def label_pairs(moment: Moment, most: int) -> list[tuple[str, str]]:
    """Return the label pairs of the watched alerts, without their source: the commonest ones, sorted."""
    sources = {source.name: source for source in moment.sources}
    sets = Counter(known.labels for known in _watched(moment, sources))
    pairs: Counter[tuple[str, str]] = Counter()
    for labels, alerts in sets.items():
        pairs.update({pair: alerts for pair in labels if pair[0] != "source"})
    return sorted(pair for pair, _ in pairs.most_common(most))


def _watched(moment: Moment, sources: Mapping[str, SourceState]) -> Iterator[KnownAlert]:
    for key, known in moment.view.alerts.items():
        if key in moment.watched and known.source in sources:
            yield known


def _is_wanted(known: KnownAlert, state: WatchedState, query: Query) -> bool:
    if query.states and state not in query.states:
        return False
    if query.sources and known.source not in query.sources:
        return False
    if query.acked is not None and known.is_acked != query.acked:
        return False
    if not query.labels <= frozenset(known.labels):
        return False
    return not query.words or _has_words(known, query.words)


def _has_words(known: KnownAlert, words: tuple[str, ...]) -> bool:
    fields = {} if known.sighting is None else known.sighting.fields
    names = (fields.get("alert_name", ""), fields.get("strategy_name", ""))
    text = "\n".join((known.alert_id, *names, *(value for _, value in known.labels))).casefold()
    return all(word in text for word in words)


def _planned(alert: WatchedAlert, sources: Mapping[str, SourceState]) -> WatchedAlert:
    known = alert.known
    return WatchedAlert(known, alert.state, sources[known.source].polling.plan(known.alert_id))


def _sorted(alerts: list[WatchedAlert], query: Query, sources: Mapping[str, SourceState]) -> list[WatchedAlert]:
    if query.sort == "next_poll":  # the one order that needs every alert's plan
        alerts = [_planned(alert, sources) for alert in alerts]
    # Ids settle what is equal, the same way in either direction: pages neither repeat an alert nor lose one.
    alerts.sort(key=lambda alert: alert.known.key)
    alerts.sort(key=_ORDERS[query.sort], reverse=query.descending)
    return alerts


def _waiting_first(alert: WatchedAlert) -> tuple[int, float]:
    """Those that wait for somebody, by their deadlines; then those without a deadline; then all the others."""
    created_at = alert.known.true_created_at or alert.known.first_seen_at
    if alert.known.is_acked or alert.known.is_shielded or alert.outcome is not None:
        return 2, created_at
    return (1, created_at) if alert.due_at is None else (0, alert.due_at)


_ORDERS: Mapping[str, Callable[[WatchedAlert], tuple[float, float] | tuple[str, str] | float | str]] = {
    "deadline": _waiting_first,
    "created": lambda alert: alert.known.true_created_at or alert.known.first_seen_at,
    "alert": lambda alert: (alert.name.casefold(), alert.known.alert_id),
    "source": lambda alert: alert.known.source,
    "state": lambda alert: alert.state.value,
    "acked": lambda alert: alert.known.ack.at or (_LATE if not alert.known.is_acked else 0.0),
    "last_poll": lambda alert: alert.known.read_at or 0.0,
    "next_poll": lambda alert: _LATE if alert.plan.next_poll_at is None else alert.plan.next_poll_at,
}
