"""What the ledger holds in memory: views that cost nothing while nothing changes, alerts that share what is equal."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.flow.sightings import Sighting
from exporter.ledger import Ledger, open_ledger

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
G = make_labels({"source": "prod", "team": "payments"})
COUNTED = (Count(Total.RECORDS, G, 1),)
ALERTS = 2_000
MOST_BYTES = 900


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """Give a new, empty ledger."""
    with closing(open_ledger(url, BOUNDS)) as opened:
        yield opened


def make_alert(number: int, **more: object) -> KnownAlert:
    """Return an alert as a search and its log told it; no two share a thing."""
    created_at = 1_700_000_000.0 + number
    fields = {"alert_name": "disk", "bk_biz_id": "2", "severity": "fatal", "strategy_id": str(7)}
    known = KnownAlert(
        "prod",
        f"{created_at:.0f}{number:06d}",
        make_labels({"source": "prod", "severity": "fatal", "bk_biz_id": str(2)}),
        first_seen_at=created_at + 20.5,
        read_at=created_at + 21.25,
        created_at=created_at,
        creation_recorded=True,
        counted={"CREATE": 1, "CONVERGE": 2, "ACTION": 1},
        rejected={},
        first_action=Milestone(created_at + 30.0, observed=True),
        watch="".join(["search ", '{"bk_biz_ids": [2]}']),
        sighting=Sighting(f"{created_at:.0f}{number:06d}", fields, created_at=created_at),
        ack_target=300.0,
    )
    return replace(known, **more)  # type: ignore[arg-type] # fields by name


def put(ledger: Ledger, *alerts: KnownAlert) -> None:
    """Commit what is known of alerts."""
    with ledger.transaction() as tx:
        for known in alerts:
            tx.put(known)


def test_a_view_is_the_same_until_something_is_committed(ledger: Ledger) -> None:
    """An idle exporter copies nothing."""
    put(ledger, make_alert(1))
    view = ledger.view()

    assert ledger.view() is view
    put(ledger, make_alert(2))
    assert ledger.view() is not view
    assert ledger.view() is ledger.view()


def test_a_commit_leaves_alone_what_it_does_not_touch(ledger: Ledger) -> None:
    """Alerts and totals that did not change are the same objects in the next view, and so is the mapping of either."""
    put(ledger, make_alert(1), make_alert(2))
    first = ledger.view()
    with ledger.transaction() as tx:
        tx.add(COUNTED)
    second = ledger.view()
    with ledger.transaction() as tx:
        tx.good_cycle("prod", "alerts", 5.0)
    third = ledger.view()
    put(ledger, make_alert(2, quiet_reads=1))
    fourth = ledger.view()

    assert second.alerts is first.alerts
    assert (third.alerts is first.alerts, third.totals is second.totals) == (True, True)
    assert fourth.totals is second.totals
    (one, two) = (make_alert(number).key for number in (1, 2))
    assert fourth.alerts[one] is first.alerts[one]
    assert (first.alerts[two].quiet_reads, fourth.alerts[two].quiet_reads) == (0, 1)


def test_views_stay_as_they_were_whatever_is_committed_between_them(ledger: Ledger) -> None:
    """Also where the first of several commits left their alerts alone, and the second their totals."""
    put(ledger, make_alert(1))
    view = ledger.view()
    with ledger.transaction() as tx:
        tx.add(COUNTED)
    put(ledger, make_alert(2))
    with ledger.transaction() as tx:
        tx.forget([make_alert(1).key])
        tx.complete_baseline("prod", 1.0)

    assert (set(view.alerts), dict(view.totals), dict(view.baselines)) == ({make_alert(1).key}, {}, {})
    assert set(ledger.view().alerts) == {make_alert(2).key}


@pytest.mark.parametrize("is_reopened", [False, True])
def test_alerts_share_what_is_equal(url: str, is_reopened: bool) -> None:
    """Label sets and fields, those that were just seen as well as those that a restart read; counts after that."""
    ledger = open_ledger(url, BOUNDS)
    put(ledger, make_alert(1), make_alert(2))
    if is_reopened:
        ledger.close()
        ledger = open_ledger(url, BOUNDS)
    one, other = ledger.view().alerts.values()
    ledger.close()

    assert (one, other) == (make_alert(1), make_alert(2))
    assert one.labels is other.labels
    assert one.sighting is not None
    assert other.sighting is not None
    assert one.sighting.fields is other.sighting.fields
    if is_reopened:
        assert one.counted is other.counted
        assert one.watch is other.watch


def test_an_alert_costs_what_is_its_own(url: str) -> None:
    """Reading many alerts back takes less than a kilobyte for each, their keys included."""
    with closing(open_ledger(url, BOUNDS)) as ledger:
        put(ledger, *map(make_alert, range(ALERTS)))
    open_ledger(url, BOUNDS).close()  # what is imported and compiled once is none of theirs
    tracemalloc.start()
    try:
        ledger = open_ledger(url, BOUNDS)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    found = len(ledger.view().alerts)
    ledger.close()

    assert found == ALERTS
    assert held / ALERTS < MOST_BYTES


def test_the_last_read_is_that_of_open_and_resting_alerts(url: str) -> None:
    """Of one source only; none where nothing was read."""
    with closing(open_ledger(url, BOUNDS)) as ledger:
        assert ledger.last_read_at("prod") is None
        put(
            ledger,
            make_alert(1, read_at=10.0),
            make_alert(2, read_at=30.0, rested_at=30.0),
            make_alert(3, read_at=20.0, rested_at=20.0),
            make_alert(4, source="other", read_at=90.0, rested_at=90.0),
        )
        assert ledger.last_read_at("prod") == 30.0
        put(ledger, make_alert(1, read_at=40.0))
        assert ledger.last_read_at("prod") == 40.0


def test_what_nobody_read_for_long_is_forgettable(ledger: Ledger) -> None:
    """Open or resting; what was read, or first seen, since then is not."""
    idle = {"first_seen_at": 1.0, "read_at": 2.0}
    put(
        ledger,
        make_alert(1, **idle),
        make_alert(2, **idle, rested_at=2.0),
        make_alert(3, first_seen_at=1.0, read_at=None),
        make_alert(4, first_seen_at=1.0, read_at=6.0),
        make_alert(5, first_seen_at=1.0, read_at=6.0, rested_at=6.0),
        make_alert(6, first_seen_at=6.0, read_at=None),
    )

    assert ledger.forgettable(before=5.0) == {make_alert(number).key for number in (1, 2, 3)}
