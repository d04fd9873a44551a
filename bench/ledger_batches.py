"""Committing 200 polls in one transaction, against one transaction for each."""

import itertools
import tempfile
from contextlib import closing
from dataclasses import replace

from bench.timing import Comparison, compare
from exporter.config import HistogramSettings
from exporter.flow.known import KnownAlert
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Count, Latency, Total
from exporter.ledger import Ledger, open_ledger
from exporter.service import bounds

_POLLS = 200
_G = make_labels({"source": "prod", "team": "payments"})
_OBSERVATIONS = (
    Count(Total.RECORDS, extend(_G, operate="ACK", status="SUCCESS"), 1),
    Latency(Total.TIME_TO_ACK, _G, 245.0),
)


def run() -> Comparison:
    """Return the comparison."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/flow.db"
        with closing(open_ledger(url, bounds(HistogramSettings()))) as ledger:
            numbers = itertools.count(170_000_000_000_000)
            return compare(
                f"commit of {_POLLS} polls: one batch / one by one",
                lambda: _commit(ledger, [[_alert(next(numbers)) for _ in range(_POLLS)]]),
                lambda: _commit(ledger, [[_alert(next(numbers))] for _ in range(_POLLS)]),
            )


def _alert(number: int) -> KnownAlert:
    return replace(KnownAlert("prod", str(number), _G, first_seen_at=1.0), read_at=2.0, counted={"CREATE": 1, "ACK": 1})


def _commit(ledger: Ledger, batches: list[list[KnownAlert]]) -> None:
    for alerts in batches:
        with ledger.transaction() as tx:
            for known in alerts:
                tx.put(known)
                tx.add(_OBSERVATIONS)
