"""The renderer goes from moment to moment: what it has after any steps is what it would have begun with."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest as text_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.registry import Collector

from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import extend
from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Exemplar, Series, SeriesTotal
from exporter.metrics import FLOW_FAMILIES, OWN_FAMILIES, Form, Format, Moment, Renderer
from tests.metrics.moments import ACK_TIMES, RECORDS, G, make_alert, make_moment, make_state, take

NOTHING = CollectorRegistry()
LABELS = (G, extend(G, team="a"), extend(G, team="b"))
ENDS = [Series(Total.ALERTS_ENDED, extend(labels, outcome="closed", acked="true")) for labels in LABELS]
SERIES = [RECORDS, ACK_TIMES, *ENDS, Series(Total.RECORDS_REJECTED, (("reason", "odd"), ("source", "prod")))]


class Whole(Collector):
    """Builds every family of a moment anew, as a collector without memory does."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        for family in (*FLOW_FAMILIES, *OWN_FAMILIES):
            yield family.build(self._moment)


def sections(body: bytes) -> list[list[bytes]]:
    """Return the lines of each family, sorted: their order is free."""
    return [sorted(part.splitlines()) for part in body.split(b"# HELP ")]


def some_alert(pick: random.Random, number: int) -> KnownAlert:
    """Return an alert in any state."""
    alert_id = f"170000000{number}"
    sighting = Sighting(alert_id, {"alert_name": "disk"}, pick.random() < 0.3, pick.random() < 0.3)
    return make_alert(
        alert_id,
        labels=pick.choice(LABELS),
        read_at=pick.choice([None, 2.0, 2.0, 2.0]),
        created_at=pick.choice([None, 1.0, 3.0, 3.0, 7.5]),
        ack=pick.choice([Milestone(), Milestone(), Milestone(5.0, observed=True)]),
        outcome=pick.choice([None, None, None, Outcome.CLOSED]),
        anomaly_count=pick.choice([None, 0, 3, 1_000_000]),
        sighting=pick.choice([None, sighting]),
    )


def some_total(pick: random.Random, series: Series) -> SeriesTotal:
    """Return a total in any state, with an exemplar where its histogram has them."""
    if series is not ACK_TIMES:
        return SeriesTotal((float(pick.randrange(9)),), pick.choice([None, 1.0]), pick.random() < 0.7, 5.0)
    exemplars = {0: Exemplar("17", 4.5, 6.25)} if pick.random() < 0.5 else {}
    values = (1.0, float(pick.randrange(5)), 2.0, 12.5)
    return SeriesTotal(values, None, pick.random() < 0.7, pick.choice([None, 9.0]), exemplars)


def next_alerts(pick: random.Random, alerts: Mapping[tuple[str, str], KnownAlert]) -> dict[tuple[str, str], KnownAlert]:
    """Return the alerts after a step: some come, some change, some are known no more, and most stay what they were."""
    after = dict(alerts)
    for _ in range(pick.randrange(6)):
        known = some_alert(pick, pick.randrange(8))
        after[known.key] = known
    for key in [key for key in after if pick.random() < 0.1]:
        del after[key]
    return after


def step(pick: random.Random, before: Moment) -> Moment:
    """Return a moment after `before`, as like or unlike it as one may be to the next."""
    view = before.view
    if pick.random() < 0.8:
        changed = {series: some_total(pick, series) for series in SERIES if pick.random() < 0.3}
        view = replace(view, totals={**view.totals, **changed}, alerts=next_alerts(pick, view.alerts))
    watched = before.watched
    if pick.random() < 0.5:
        watched = frozenset(("prod", f"170000000{number}") for number in range(8) if pick.random() < 0.9)
    after = replace(before, at=before.at + 1, view=view, watched=watched)
    if pick.random() < 0.1:
        after = replace(after, alert_series=pick.choice([1, 3, 100]))
    if pick.random() < 0.1:
        after = replace(after, birth_hold=pick.choice([0.0, 60.0]), created_series=pick.random() < 0.5)
    if pick.random() < 0.1:
        after = replace(after, view=replace(after.view, baselines=pick.choice([{}, {"prod": 1.0}])))
    if pick.random() < 0.1:
        after = replace(after, sources=pick.choice([(), (make_state(),), (make_state(up=False), make_state(name="b"))]))
    return after


@settings(max_examples=150)
@given(st.randoms(use_true_random=False), st.integers(1, 100), st.integers(1, 12))
def test_a_snapshot_is_what_the_library_writes_of_its_moment(pick: random.Random, limit: int, steps: int) -> None:
    """In both formats and both encodings of the body, whatever went before: no change is missed, and none left over."""
    renderer = Renderer(NOTHING)
    moment = replace(make_moment({}, alerts={}, watched=frozenset()), alert_series=limit)
    for _ in range(steps):
        moment = step(pick, moment)
        snapshot, fresh = renderer.render(moment), take(moment, NOTHING)

        assert set(snapshot.newborn) == set(fresh.newborn)
        for format_, written in (
            (Format.TEXT, text_latest(Whole(moment))),
            (Format.OPENMETRICS, openmetrics_latest(Whole(moment))),
        ):
            body = snapshot.body(Form(format_))
            assert sections(body) == sections(written)
            assert sections(body) == sections(fresh.body(Form(format_)))


def shared(renderer: Renderer, before: Moment, after: Moment) -> bool:
    """Return whether the compressed body of two moments is the same, byte for byte, by nothing being written."""
    form = Form(Format.TEXT, is_gzipped=True)
    return renderer.render(before).body(form) == renderer.render(after).body(form)


def test_a_moment_in_which_nothing_changed_says_the_same() -> None:
    """The time alone changes nothing."""
    moment = make_moment()

    assert shared(Renderer(NOTHING), moment, replace(moment, at=moment.at + 60))


def one_more(moment: Moment) -> Moment:
    """Return a moment in which one record was counted more."""
    more = replace(moment.view.totals[RECORDS], values=(4.0,))
    return replace(moment, view=replace(moment.view, totals={**moment.view.totals, RECORDS: more}))


def one_acked(moment: Moment) -> Moment:
    """Return a moment in which one alert was acknowledged."""
    key, known = next(iter(moment.view.alerts.items()))
    acked = replace(known, ack=Milestone(5.0, observed=True))
    return replace(moment, view=replace(moment.view, alerts={**moment.view.alerts, key: acked}))


@pytest.mark.parametrize(
    ("change", "families"),
    [
        (one_more, ["bkmonitor_flow_records_total"]),
        (
            one_acked,
            [
                "bkmonitor_flow_anomaly_count",
                "bkmonitor_flow_alert_info",
                *["bkmonitor_flow_open_alerts"] * 4,
                "bkmonitor_flow_oldest_unacked_timestamp_seconds",
            ],
        ),
    ],
)
def test_what_did_not_change_is_not_written_again(
    change: Callable[[Moment], Moment], families: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the lines of the series that changed are made."""
    renderer, moment = Renderer(NOTHING), make_moment()
    renderer.render(moment)
    written: list[str] = []

    def note(name: str, *_: object) -> str:
        written.append(name)
        return "x 1.0\n"

    for module in ("alert_series", "alert_texts", "total_texts"):
        monkeypatch.setattr(f"exporter.metrics.{module}.sample_line", note)
    renderer.render(change(moment))

    assert written == families
