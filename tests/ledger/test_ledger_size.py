"""How large a ledger becomes: in the long run as large as what it remembers, without VACUUM."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from exporter.flow.known import KnownAlert
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Count, Latency, Total
from exporter.flow.sightings import Sighting
from exporter.ledger import Ledger, open_ledger

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
G = make_labels({"source": "prod"})
DAY = 86_400.0
RETENTION = 5
ALERTS_A_DAY = 300
BATCH = 50
LONGEST_LOG = 16 << 20


def make_alert(day: int, number: int) -> KnownAlert:
    """Return an alert that was first seen on some day."""
    alert_id = f"17{day:08d}{number:05d}"
    fields = {"alert_name": f"disk {number % 7}", "severity": "fatal"}
    seen_at = day * DAY
    return KnownAlert(
        "prod", alert_id, G, first_seen_at=seen_at, read_at=seen_at, watch="w", sighting=Sighting(alert_id, fields)
    )


def live_through(ledger: Ledger, day: int) -> None:
    """Commit a day: alerts come, are read twice, and end; those that are too old are forgotten."""
    alerts = [make_alert(day, number) for number in range(ALERTS_A_DAY)]
    with ledger.transaction() as tx:
        for known in alerts:
            tx.put(known)
            tx.add([Count(Total.RECORDS, extend(G, operate="CREATE", status="SUCCESS"), 1)])
    for batch in range(0, ALERTS_A_DAY, BATCH):
        with ledger.transaction() as tx:
            for known in alerts[batch : batch + BATCH]:
                tx.put(replace(known, counted={"CREATE": 1, "CLOSE": 1}, rested_at=known.first_seen_at))
                tx.add([Latency(Total.TIME_TO_END, extend(G, outcome="closed"), 10.0)])
    with ledger.transaction() as tx:
        tx.forget(ledger.forgettable(before=(day - RETENTION) * DAY))


def test_a_long_life_makes_no_larger_file(tmp_path: Path) -> None:
    """Once the first alerts are forgotten, new ones take the place of old ones in the file."""
    path = tmp_path / "flow.db"
    sizes = []
    for day in range(6 * RETENTION):
        with closing(open_ledger(f"sqlite:///{path}", BOUNDS)) as ledger:
            live_through(ledger, day)
            assert not ledger.view().alerts
        sizes.append(path.stat().st_size)

    grown, settled = sizes[0], sizes[2 * RETENTION]
    assert settled > 2 * grown
    assert max(sizes[2 * RETENTION :]) <= 1.05 * settled


def test_a_large_commit_leaves_no_large_log_behind(tmp_path: Path) -> None:
    """The write-ahead log grows with it, and is cut when the commits after it are written into the file."""
    log = tmp_path / "flow.db-wal"
    with closing(open_ledger(f"sqlite:///{tmp_path}/flow.db", BOUNDS)) as ledger:
        with ledger.transaction() as tx:
            for number in range(3_000):
                known = make_alert(1, number)
                tx.put(replace(known, watch="w" * 10_000))
        grown = log.stat().st_size
        for number in range(3):
            with ledger.transaction() as tx:
                tx.put(make_alert(2, number))

        assert grown > LONGEST_LOG
        assert log.stat().st_size <= LONGEST_LOG
