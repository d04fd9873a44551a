"""The renderer goes from moment to moment: what it has after any steps is what it would have begun with."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest as text_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.registry import Collector

from exporter.flow.known import Milestone
from exporter.flow.shards import Shards
from exporter.metrics import FLOW_FAMILIES, OWN_FAMILIES, Form, Format, Moment, Renderer
from tests.metrics.member import Member, make_member
from tests.metrics.moments import RECORDS, make_moment, take

NOTHING = CollectorRegistry()


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


def holds_against_the_library(member: Member, steps: int) -> None:
    """Assert that each body says what the client library's encoders write of its moment, whatever went before."""
    renderer = Renderer(NOTHING)
    for _ in range(steps):
        if member.pick.random() < 0.3:
            member.step()  # nobody renders that moment: a newer one is there already
        moment = member.step()
        snapshot, fresh = renderer.render(moment), take(moment, NOTHING)

        assert set(snapshot.newborn) == set(fresh.newborn)
        for format_, written in (
            (Format.TEXT, text_latest(Whole(moment))),
            (Format.OPENMETRICS, openmetrics_latest(Whole(moment))),
        ):
            body = snapshot.body(Form(format_))
            assert sections(body) == sections(written)
            assert sections(body) == sections(fresh.body(Form(format_)))


@settings(max_examples=150)
@given(st.randoms(use_true_random=False), st.integers(1, 100), st.integers(1, 12))
def test_a_snapshot_is_what_the_library_writes_of_its_moment(pick: random.Random, limit: int, steps: int) -> None:
    """In both formats of the body, whatever went before: no change is missed, and none left over."""
    holds_against_the_library(make_member(pick, alert_series=limit), steps)


@settings(max_examples=100)
@given(st.randoms(use_true_random=False), st.integers(2, 4), st.integers(1, 12))
def test_that_holds_while_shards_come_and_go(pick: random.Random, number: int, steps: int) -> None:
    """One goes and one comes, one comes back with what others counted meanwhile, one is there and not told yet."""
    holds_against_the_library(make_member(pick, Shards(number)), steps)


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
                "bkmonitor_flow_unacked_since_timestamp_seconds",  # its line goes
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

    def note_alert(name: str, *_: object) -> tuple[str, str]:
        written.append(name)
        return "x ", " "

    for module in ("alert_texts", "total_texts"):
        monkeypatch.setattr(f"exporter.metrics.{module}.sample_line", note)
    monkeypatch.setattr("exporter.metrics.alert_series.around", note_alert)
    renderer.render(change(moment))

    assert written == families
