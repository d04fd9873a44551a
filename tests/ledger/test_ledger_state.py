"""What the ledger keeps over restarts, and that it changes in one piece."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import EVERYTHING, KnownAlert, Milestone
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Count, Latency, Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import CommitFailed, Ledger, Series, SeriesTotal, open_ledger
from tests.ledger.conftest import ONLY_SQLITE

BOUNDS = {
    Total.TIME_TO_ACK: (60.0, 300.0),
    Total.TIME_TO_FIRST_ACTION: (0.5,),
    Total.TIME_TO_END: (3600.0,),
}
G = make_labels({"source": "prod", "team": "payments"})
RECORDS = Series(Total.RECORDS, extend(G, operate="ACK", status="SUCCESS"))
ACK_TIMES = Series(Total.TIME_TO_ACK, G)
OPEN = KnownAlert(
    source="prod",
    alert_id="170000000000042",
    labels=G,
    first_seen_at=1_700_000_000.5,
    counts_from=EVERYTHING,
    read_at=1_700_000_100.25,
    created_at=1_700_000_000.0,
    creation_recorded=True,
    counted={"CREATE": 1, "ACK": 2},
    rejected={"operate": 3},
    ack=Milestone(1_700_000_050.0, observed=True),
    anomaly_count=10**20,
    watch='search {"bk_biz_ids": [2]}',
    sighting=Sighting(
        "170000000000042",
        {"alert_name": '"ü\\\n🔥', "severity": "fatal"},
        is_acked=True,
        is_shielded=True,
        created_at=1_700_000_000.0,
        ended_at=1_700_000_090.0,
        outcome=Outcome.CLOSED,
    ),
    ack_sighted_at=1_700_000_060.0,
    quiet_reads=3,
    ack_target=300.0,
    deadline_result=DeadlineResult.MET,
)
RESTED = KnownAlert(
    source="prod",
    alert_id="170000000000043",
    labels=make_labels({"source": "prod", "team": '"ü\\\n🔥'}),
    first_seen_at=1.0,
    counts_from=0.5,
    read_at=2.0,
    end=Milestone(1.5, observed=True),
    outcome=Outcome.RECOVERED,
    settles_at=1.75,
    rested_at=2.0,
)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """Give a new, empty ledger."""
    with closing(open_ledger(url, BOUNDS)) as opened:
        yield opened


def fill(ledger: Ledger) -> None:
    """Commit two alerts, a counter and three latencies."""
    with ledger.transaction() as tx:
        tx.put(OPEN)
        tx.put(RESTED)
        tx.add([Count(Total.RECORDS, RECORDS.labels, 2)])
        tx.add(Latency(Total.TIME_TO_ACK, G, seconds) for seconds in (60.0, 61.0, 1e9))


def test_a_restart_goes_on_where_it_was(url: str) -> None:
    """Alerts, totals, baselines and good cycles are the same after the file was closed and opened."""
    with closing(open_ledger(url, BOUNDS)) as first:
        fill(first)
        with first.transaction() as tx:
            tx.complete_baseline("prod", 5.5)
            tx.good_cycle("prod", "alerts", 7.25)
        before = first.view()

    with closing(open_ledger(url, BOUNDS)) as second:
        after = second.view()
        assert (after.totals, after.alerts, after.baselines) == (before.totals, before.alerts, before.baselines)
        assert second.last_good_cycle_at("prod", "alerts") == 7.25
        assert second.find("prod", [OPEN.alert_id, RESTED.alert_id, "1"]) == {
            OPEN.alert_id: OPEN,
            RESTED.alert_id: RESTED,
        }


def test_totals_add_up(ledger: Ledger) -> None:
    """Counters and buckets grow by what each transaction adds; a value on a bound falls into its bucket."""
    fill(ledger)
    fill(ledger)

    totals = ledger.view().totals
    assert totals[RECORDS].values == (4.0,)
    assert totals[ACK_TIMES].values == (2.0, 2.0, 2.0, 2 * (121 + 1e9))


def test_resting_alerts_leave_the_memory_not_the_ledger(ledger: Ledger) -> None:
    """Only alerts that are still asked about are held; the others are found by their ids."""
    fill(ledger)

    assert set(ledger.view().alerts) == {OPEN.key}
    assert ledger.find("prod", [RESTED.alert_id]) == {RESTED.alert_id: RESTED}
    assert ledger.find("other", [RESTED.alert_id]) == {}


def test_a_view_stays_as_it_was(ledger: Ledger) -> None:
    """What a scrape was given does not change under it."""
    fill(ledger)
    view, version = ledger.view(), ledger.version

    fill(ledger)

    assert view.totals[RECORDS].values == (2.0,)
    assert ledger.version > version


def test_an_error_inside_the_block_commits_nothing(ledger: Ledger) -> None:
    """A transaction that is not filled to its end did not happen."""
    with suppress(ZeroDivisionError), ledger.transaction() as tx:
        tx.put(OPEN)
        raise ZeroDivisionError

    assert ledger.view().alerts == {}


@ONLY_SQLITE
def test_a_refused_commit_changes_nothing_and_the_next_one_works(ledger: Ledger, tmp_path: Path) -> None:
    """While another program holds the file, a commit fails as a whole, in memory too; then work goes on."""
    fill(ledger)
    before = ledger.view()
    with closing(sqlite3.connect(tmp_path / "flow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CommitFailed, match=r"flow\.db: database is locked; another program holds it"):
            fill(ledger)
        other.execute("ROLLBACK")

    assert ledger.view() == before
    fill(ledger)
    assert ledger.view().totals[RECORDS].values == (4.0,)


@ONLY_SQLITE
@pytest.mark.parametrize("name", ["flow.db", "flow.db.lock"])
def test_a_file_that_was_removed_or_replaced_takes_no_commits(name: str, ledger: Ledger, tmp_path: Path) -> None:
    """Writing on into a removed file would lose everything at the next start: it is said, and nothing is counted."""
    fill(ledger)
    moved = (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(CommitFailed, match=rf"{name}: was removed or replaced while in use"):
        fill(ledger)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(CommitFailed, match="was removed or replaced"):
        fill(ledger)

    moved.replace(tmp_path / name)
    fill(ledger)
    assert ledger.view().totals[RECORDS].values == (4.0,)


def test_the_baseline_reveals_the_series_of_its_source(ledger: Ledger) -> None:
    """Series counted up to the end of the baseline are shown at their values, later ones are born."""
    fill(ledger)
    late = Series(Total.RECORDS, extend(G, operate="LATE", status="SUCCESS"))
    with ledger.transaction() as tx:
        tx.add([Count(Total.RECORDS, make_labels({"source": "other"}), 1)])
        tx.complete_baseline("prod", 100.0)
    with ledger.transaction() as tx:
        tx.add([Count(Total.RECORDS, late.labels, 1)])

    totals = ledger.view().totals
    assert totals[RECORDS].revealed
    assert totals[ACK_TIMES].revealed
    assert not totals[late].revealed
    assert not totals[Series(Total.RECORDS, make_labels({"source": "other"}))].revealed
    assert ledger.has_baseline("prod")
    assert not ledger.has_baseline("other")


def test_births_are_kept(url: str) -> None:
    """When a series was first served, and that it was revealed, outlives a restart."""
    with closing(open_ledger(url, BOUNDS)) as first:
        fill(first)
        with first.transaction() as tx:
            tx.serve({RECORDS: 12.5, ACK_TIMES: 12.5})
            tx.reveal([RECORDS])

    with closing(open_ledger(url, BOUNDS)) as second:
        totals = second.view().totals
        assert totals[RECORDS] == SeriesTotal((2.0,), served_at=12.5, revealed=True)
        assert (totals[ACK_TIMES].served_at, totals[ACK_TIMES].revealed) == (12.5, False)


def test_changed_buckets_start_one_histogram_anew(url: str) -> None:
    """Other bounds in the config restart that histogram, and nothing else moves."""
    with closing(open_ledger(url, BOUNDS)) as first:
        fill(first)
        with first.transaction() as tx:
            tx.add([Latency(Total.TIME_TO_END, G, 5.0)])
        before = first.view()

    with closing(open_ledger(url, BOUNDS | {Total.TIME_TO_ACK: (60.0,)})) as second:
        after = second.view()

    assert ACK_TIMES not in after.totals
    assert after.alerts == before.alerts
    assert set(before.totals) - set(after.totals) == {ACK_TIMES}


def test_forgotten_alerts_leave_their_totals(ledger: Ledger) -> None:
    """What an alert added stays counted when the alert itself is forgotten."""
    fill(ledger)
    assert ledger.forgettable(before=3.0) == {RESTED.key}

    with ledger.transaction() as tx:
        tx.forget([RESTED.key, OPEN.key])

    assert ledger.find("prod", [RESTED.alert_id, OPEN.alert_id]) == {}
    assert ledger.view().alerts == {}
    assert ledger.view().totals[RECORDS].values == (2.0,)


def test_commits_are_timed(url: str) -> None:
    """Each commit reports its duration once; an empty transaction is no commit."""
    durations: list[float] = []
    with closing(open_ledger(url, BOUNDS, durations.append)) as ledger:
        fill(ledger)
        with ledger.transaction():
            pass

    assert len(durations) == 1
    assert durations[0] > 0


def test_many_ids_are_found(ledger: Ledger) -> None:
    """Looking up more ids than a query can carry works in pieces."""
    fill(ledger)

    ids = [str(number) for number in range(3000)]
    assert set(ledger.find("prod", [*ids, RESTED.alert_id])) == {RESTED.alert_id}
