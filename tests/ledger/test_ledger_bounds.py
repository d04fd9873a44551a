"""Other buckets while the ledger is open: one histogram starts anew, nothing else moves."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Count, Latency, Observation, Total
from exporter.ledger import CommitFailed, Ledger, Series, View, open_ledger
from tests.ledger.conftest import ONLY_SQLITE

BOUNDS = {Total.TIME_TO_ACK: (60.0, 300.0), Total.TIME_TO_FIRST_ACTION: (0.5,), Total.TIME_TO_END: (3600.0,)}
OTHER = {**BOUNDS, Total.TIME_TO_ACK: (5.0, 60.0, 300.0)}
G = make_labels({"source": "prod"})
RECORDS = Series(Total.RECORDS, extend(G, operate="ACK", status="SUCCESS"))
ACK_TIMES = Series(Total.TIME_TO_ACK, G)
END_TIMES = Series(Total.TIME_TO_END, G)
SEEN: tuple[Observation, ...] = (
    Count(RECORDS.total, RECORDS.labels, 1),
    Latency(Total.TIME_TO_ACK, G, 10.0),
    Latency(Total.TIME_TO_END, G, 20.0),
)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """Give a ledger that counted some things, past their birth."""
    with closing(open_ledger(url, BOUNDS)) as opened:
        with opened.transaction() as tx:
            tx.add(SEEN)
            tx.complete_baseline("prod", 1.0)
        yield opened


def values(view: View) -> dict[Series, tuple[float, ...]]:
    """Return the values of every series."""
    return {series: total.values for series, total in view.totals.items()}


def test_a_histogram_whose_bounds_change_starts_anew(ledger: Ledger, url: str) -> None:
    """Its series are gone until something is observed, and are then born like any other; the rest stays as it was."""
    before, version = values(ledger.view()), ledger.version
    with capture_logs() as logs:
        ledger.adopt_bounds(OTHER)

    assert values(ledger.view()) == {series: before[series] for series in (RECORDS, END_TIMES)}
    assert (ledger.view().bounds, ledger.version > version) == (OTHER, True)
    assert [(line["event"], line["total"]) for line in logs] == [("histogram starts anew", Total.TIME_TO_ACK)]
    with ledger.transaction() as tx:
        tx.add([Latency(Total.TIME_TO_ACK, G, 10.0)])
    assert values(ledger.view()) == {**before, ACK_TIMES: (0.0, 1.0, 0.0, 0.0, 10.0)}
    assert list(ledger.unrevealed()) == [ACK_TIMES]
    told = values(ledger.view())
    ledger.close()
    with closing(open_ledger(url, OTHER)) as again:
        assert values(again.view()) == told


def test_a_view_that_was_taken_before_keeps_its_buckets(ledger: Ledger) -> None:
    """A scrape never sees the values of one set of buckets under the bounds of another."""
    view = ledger.view()

    ledger.adopt_bounds(OTHER)

    assert (view.bounds, len(view.totals[ACK_TIMES].values)) == (BOUNDS, 4)


def test_a_histogram_that_is_not_past_its_birth_starts_anew_as_well(ledger: Ledger) -> None:
    """Nothing of it is left to be revealed."""
    with ledger.transaction() as tx:
        tx.add([Latency(Total.TIME_TO_ACK, extend(G, team="a"), 10.0)])

    ledger.adopt_bounds(OTHER)

    assert ledger.unrevealed() == {}


def test_the_same_bounds_change_nothing(ledger: Ledger) -> None:
    """No series, no version: nothing is news."""
    before, version = values(ledger.view()), ledger.version

    ledger.adopt_bounds(dict(BOUNDS))

    assert (values(ledger.view()), ledger.version) == (before, version)


@ONLY_SQLITE
def test_a_refusal_leaves_the_buckets_as_they_were(ledger: Ledger, url: str, tmp_path: Path) -> None:
    """While the database is locked nothing changes, here or on disk, and counting goes on in the old buckets."""
    before = values(ledger.view())
    with closing(sqlite3.connect(tmp_path / "flow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with capture_logs() as logs, pytest.raises(CommitFailed, match="locked"):
            ledger.adopt_bounds(OTHER)

    assert (values(ledger.view()), ledger.view().bounds, logs) == (before, BOUNDS, [])
    with ledger.transaction() as tx:
        tx.add(SEEN)
    ledger.close()
    with closing(open_ledger(url, BOUNDS)) as again:
        assert values(again.view()) == {s: tuple(2 * value for value in counted) for s, counted in before.items()}
