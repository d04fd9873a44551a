"""What the ledger knows of a series beside its values: exemplars, when it came to be, whose alerts it counts."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from exporter.flow.known import KnownAlert
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Count, Latency, Total
from exporter.ledger import Exemplar, Ledger, Series, open_ledger

BOUNDS = {
    Total.TIME_TO_ACK: (60.0, 300.0),
    Total.TIME_TO_FIRST_ACTION: (0.5,),
    Total.TIME_TO_END: (3600.0,),
}
G = make_labels({"source": "prod", "team": "payments"})
RECORDS = Series(Total.RECORDS, extend(G, operate="ACK", status="SUCCESS"))
ACK_TIMES = Series(Total.TIME_TO_ACK, G)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """Give a new, empty ledger."""
    with closing(open_ledger(url, BOUNDS)) as opened:
        yield opened


def acked(alert_id: str, seconds: float, read_at: float) -> Latency:
    """Return the time to ack of an alert whose log was read at some time."""
    return Latency(Total.TIME_TO_ACK, G, seconds, alert_id, read_at)


def test_each_bucket_keeps_the_alert_that_it_counted_last(ledger: Ledger) -> None:
    """The one whose log was read last, in the bucket of its latency; other histograms keep none."""
    for observations in (
        [acked("1", 10.0, 100.0), acked("2", 20.0, 101.0), acked("3", 400.0, 101.0)],
        [acked("4", 60.0, 102.0), Latency(Total.TIME_TO_END, G, 5.0, "4", 102.0), Latency(Total.TIME_TO_ACK, G, 5.0)],
    ):
        with ledger.transaction() as tx:
            tx.add(observations)

    totals = ledger.view().totals
    assert totals[ACK_TIMES].exemplars == {0: Exemplar("4", 60.0, 102.0), 2: Exemplar("3", 400.0, 101.0)}
    assert totals[Series(Total.TIME_TO_END, G)].exemplars == {}


@pytest.mark.parametrize("read_at", [99.0, 100.0, 100.0004])
def test_an_exemplar_is_never_replaced_by_an_older_one(ledger: Ledger, read_at: float) -> None:
    """Prometheus refuses one that is not newer by a millisecond; answers may be committed in another order."""
    for observation in (acked("1", 10.0, 100.0), acked("2", 20.0, read_at)):
        with ledger.transaction() as tx:
            tx.add([observation])

    assert ledger.view().totals[ACK_TIMES].exemplars == {0: Exemplar("1", 10.0, 100.0)}


def test_a_restart_loses_exemplars_and_no_count(url: str) -> None:
    """They live in memory only, and come back with the next latency."""
    with closing(open_ledger(url, BOUNDS)) as first, first.transaction() as tx:
        tx.add([acked("1", 10.0, 100.0)])

    with closing(open_ledger(url, BOUNDS)) as second:
        total = second.view().totals[ACK_TIMES]

    assert (total.exemplars, total.values) == ({}, (1.0, 0.0, 0.0, 10.0))


def test_a_series_knows_when_it_came_to_be(url: str) -> None:
    """The commit of its first event, over restarts; one of a baseline began with history, and has no such time."""
    times = iter([1.0, 2.0, 3.0, 4.0])
    late, other = Series(Total.RECORDS, extend(G, operate="CLOSE")), Series(Total.RECORDS, (("source", "other"),))
    with closing(open_ledger(url, BOUNDS, clock=lambda: next(times))) as first:
        with first.transaction() as tx:
            tx.add([Count(RECORDS.total, RECORDS.labels, 1), acked("1", 10.0, 100.0)])
        with first.transaction() as tx:
            tx.complete_baseline("prod", 2.0)
        for _ in range(2):
            with first.transaction() as tx:
                tx.add([Count(series.total, series.labels, 1) for series in (RECORDS, late, other)])
        before = first.view().totals

    with closing(open_ledger(url, BOUNDS)) as second:
        after = second.view().totals

    born = {RECORDS: None, ACK_TIMES: None, late: 3.0, other: None}
    assert {series: total.created_at for series, total in before.items()} == born
    assert {series: total.created_at for series, total in after.items()} == born


def test_the_label_sets_of_alerts_outlive_a_restart(url: str) -> None:
    """Those of open alerts and those that any series counts, without what the total adds to them."""
    totals = {
        Total.RECORDS: {"operate": "ACK", "status": "SUCCESS"},
        Total.ALERTS_ENDED: {"outcome": "closed", "acked": "true"},
        Total.ACK_DEADLINES: {"result": "met"},
        Total.TIME_TO_ACK: {},
        Total.TIME_TO_FIRST_ACTION: {},
        Total.TIME_TO_END: {"outcome": "closed"},
        Total.RECORDS_REJECTED: {"reason": "operate"},
    }
    assert set(totals) == set(Total)
    with closing(open_ledger(url, BOUNDS)) as first, first.transaction() as tx:
        tx.put(KnownAlert("prod", "1", make_labels({"source": "prod", "team": "open"}), first_seen_at=1.0))
        tx.put(
            KnownAlert("prod", "2", make_labels({"source": "prod", "team": "gone"}), first_seen_at=1.0, rested_at=2.0)
        )
        for total, own in totals.items():
            labels = extend(make_labels({"source": "prod", "team": total}), **own)
            tx.add([Latency(total, labels, 1.0) if total in BOUNDS else Count(total, labels, 1)])

    with closing(open_ledger(url, BOUNDS)) as second:
        found = second.label_sets()

    teams = {"open", *totals} - {Total.RECORDS_REJECTED}
    assert found == {make_labels({"source": "prod", "team": team}) for team in teams}
