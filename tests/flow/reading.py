"""Reading logs made by hand, and what that adds, written short."""

from collections import Counter

from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Latency, Observations, Total
from exporter.flow.records import FlowRecord, Log

BORN = 1_700_000_000.0
ALERT_ID = "170000000000042"
G = make_labels({"source": "prod", "team": "payments"})
UNSEEN = KnownAlert("prod", ALERT_ID, G, first_seen_at=BORN)
POLICY = Policy(settle=10, max_age=86_400)
LIFE = (("CREATE", 0), ("ACTION", 3), ("CONVERGE", 60), ("ACK", 300), ("RECOVER", 900))


def log(*rows: tuple[str, float] | FlowRecord) -> Log:
    """Return a log of (operate, seconds after birth) pairs, given oldest first."""
    records = [row if isinstance(row, FlowRecord) else FlowRecord(row[0], "SUCCESS", BORN + row[1]) for row in rows]
    return Log(tuple(reversed(records)))


def read(known: KnownAlert, *rows: tuple[str, float] | FlowRecord, at: float) -> tuple[KnownAlert, Observations]:
    """Advance by a log of `rows`, read `at` seconds after birth."""
    return advance(known, log(*rows), now=BORN + at, policy=POLICY)


def records(observations: Observations) -> dict[tuple[str, str], int]:
    """Return the counted records by operate and status."""
    counted = {}
    for count in observations:
        if count.total is Total.RECORDS and isinstance(count, Count):
            labels = dict(count.labels)
            counted[labels["operate"], labels["status"]] = count.amount
    return counted


def latencies(observations: Observations) -> dict[Total, float]:
    """Return the observed seconds by total."""
    return {o.total: o.seconds for o in observations if isinstance(o, Latency)}


def rejects(observations: Observations) -> dict[str, int]:
    """Return the rejected rows by reason."""
    rejected: Counter[str] = Counter()
    for count in observations:
        if count.total is Total.RECORDS_REJECTED and isinstance(count, Count):
            rejected[dict(count.labels)["reason"]] += count.amount
    return rejected


def ended(observations: Observations) -> list[dict[str, str]]:
    """Return the labels of each counted end."""
    return [dict(o.labels) for o in observations if o.total is Total.ALERTS_ENDED]
