"""Ledgers that are moved: one that has something of everything, its export, and the import of that."""

import io
from contextlib import closing

from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Latency, Observation, Total
from exporter.flow.sightings import Outcome
from exporter.ledger import Ledger, open_ledger
from exporter.ledger.transfer import export_ledger, import_ledger

BOUNDS = {
    Total.TIME_TO_ACK: (60.0, 300.0),
    Total.TIME_TO_FIRST_ACTION: (0.1, 1 / 3),
    Total.TIME_TO_END: (3600.0,),
}
G = make_labels({"source": "prod", "team": '"ü\\\n🔥'})


def add(ledger: Ledger, alerts: list[KnownAlert], observations: list[Observation]) -> None:
    """Commit alerts and observations, the births of the series, and the end of a cycle."""
    with ledger.transaction() as tx:
        for known in alerts:
            tx.put(known)
        tx.add(observations)
        tx.good_cycle("prod", "search ü", 1 / 3)
        tx.complete_baseline("test", 5.5)
    unrevealed = sorted(ledger.unrevealed())
    with ledger.transaction() as tx:
        tx.serve(dict.fromkeys(unrevealed[1:], 0.1))
        tx.reveal(unrevealed[2:])


def fill(url: str) -> None:
    """Make a ledger that has something of everything."""
    alerts = [
        KnownAlert("prod", "1", G, first_seen_at=0.1, read_at=1e9 + 1 / 3, anomaly_count=10**20),
        KnownAlert("prod", "2", G, 1.0, read_at=2.0, end=Milestone(1.5, True), outcome=Outcome.CLOSED, rested_at=2.0),
    ]
    observations: list[Observation] = [Count(Total.RECORDS, G, 3)]
    observations += [Latency(Total.TIME_TO_ACK, G, seconds) for seconds in (0.1, 0.2, 301.0)]
    with closing(open_ledger(url, BOUNDS)) as ledger:
        add(ledger, alerts, observations)


def exported(url: str, *, compressed: bool = False) -> bytes:
    """Return the export of a ledger."""
    with io.BytesIO() as file:
        assert export_ledger(url, file, compressed=compressed) is not None
        return file.getvalue()


def take(url: str, told: bytes, *, compressed: bool = False) -> None:
    """Import what was exported."""
    import_ledger(url, io.BytesIO(told), "moved.jsonl", compressed=compressed)
