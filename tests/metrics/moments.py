"""Moments made by hand."""

from collections.abc import Mapping

from prometheus_client.registry import Collector

from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import Labels, extend, make_labels
from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Exemplar, Series, SeriesTotal, View
from exporter.metrics import Moment, Renderer, Snapshot, SourceState
from exporter.metrics.moment import WatchedState

BOUNDS = {
    Total.TIME_TO_ACK: (60.0, 300.0),
    Total.TIME_TO_FIRST_ACTION: (2.5,),
    Total.TIME_TO_END: (3600.0,),
}
G = make_labels({"source": "prod", "bk_biz_id": "2", "severity": "", "team": 'pay"ments\\\n🔥'})
RECORDS = Series(Total.RECORDS, extend(G, operate="ACK", status="SUCCESS"))
ACK_TIMES = Series(Total.TIME_TO_ACK, G)
TOTALS = {
    RECORDS: SeriesTotal((3.0,), revealed=True),
    ACK_TIMES: SeriesTotal(
        (1.0, 0.0, 2.0, 1234.5),
        revealed=True,
        created_at=1_600_000_000.5,
        exemplars={0: Exemplar("1700000000002", 4.5, 1_700_000_006.25), 2: Exemplar("x" * 121, 700.0, 1_700_000_007.0)},
    ),
    Series(Total.TIME_TO_FIRST_ACTION, G): SeriesTotal((1.0, 0.0, 2.0), revealed=True),
    Series(Total.TIME_TO_END, extend(G, outcome="closed")): SeriesTotal((0.0, 1.0, 4000.0), revealed=True),
    Series(Total.ALERTS_ENDED, extend(G, outcome="closed", acked="true")): SeriesTotal((1.0,), revealed=True),
    Series(Total.ACK_DEADLINES, extend(G, result="missed")): SeriesTotal((1.0,), revealed=True),
    Series(Total.RECORDS_REJECTED, make_labels({"source": "prod", "reason": "operate"})): SeriesTotal((2.0,)),
}


NAMES = {"alert_name": '<b>"disk"</b>\\', "strategy_id": "42", "strategy_name": "disk full", "severity": "fatal"}


def make_alert(alert_id: str, labels: Labels = G, **fields: object) -> KnownAlert:
    """Return an open alert that was read."""
    known = KnownAlert("prod", alert_id, labels, first_seen_at=1.0, read_at=2.0, created_at=1.0)
    for name, value in fields.items():
        object.__setattr__(known, name, value)
    return known


ALERTS = {
    known.key: known
    for known in (
        make_alert("1700000000001", anomaly_count=62),
        make_alert("1700000000002", ack=Milestone(5.0, observed=True), anomaly_count=0),
        make_alert("1700000000003", sighting=Sighting("1700000000003", NAMES), created_at=0.5),
        make_alert("1700000000004", outcome=Outcome.CLOSED, anomaly_count=7),
        make_alert("1700000000005", read_at=None),
        make_alert("1700000000006", sighting=Sighting("1700000000006", is_shielded=True)),
    )
}


def make_state(**fields: object) -> SourceState:
    """Return the state of a source that is well."""
    well = {
        "name": "prod",
        "up": True,
        "cycled": True,
        "trouble": "",
        "last_success_at": 1_700_000_000.25,
        "overdue": 0.5,
        "watched": {WatchedState.OPEN: 3, WatchedState.SETTLING: 1},
        "timezone_skew": 0.0,
    }
    return SourceState(**{**well, **fields})  # type: ignore[arg-type] # fields by name


def make_moment(
    totals: Mapping[Series, SeriesTotal] = TOTALS,
    *,
    baselines: Mapping[tuple[str, int], float] | None = None,
    birth_hold: float = 60.0,
    alerts: Mapping[tuple[str, str], KnownAlert] = ALERTS,
    watched: frozenset[tuple[str, str]] | None = None,
    state: SourceState | None = None,
) -> Moment:
    """Return a moment of one source whose baseline is complete."""
    view = View(BOUNDS, totals, alerts, {("prod", 0): 1.0} if baselines is None else baselines)
    return Moment(
        at=1_700_000_000.0,
        view=view,
        watched=frozenset(alerts) if watched is None else watched,
        sources=(make_state() if state is None else state,),
        birth_hold=birth_hold,
        targets=AckTargets([AckTarget({"severity": "fatal"}, 300.0, 0.99), AckTarget({}, 1800.0, 0.95)]),
    )


def take(moment: Moment, own: Collector) -> Snapshot:
    """Return the snapshot of one moment, rendered from nothing."""
    return Renderer(own).render(moment)
