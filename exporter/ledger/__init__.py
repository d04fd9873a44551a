"""Durable state: what is known of each alert, and the totals, changed together in one transaction."""

from exporter.ledger.errors import CommitFailed, LedgerError, LedgerTaken, ShardsLost
from exporter.ledger.lease import Lease
from exporter.ledger.ledger import Ledger, open_ledger
from exporter.ledger.totals import EXEMPLARY, Bounds, Exemplar, Series, SeriesTotal, View, alert_labels
from exporter.ledger.transaction import Transaction

__all__ = [
    "EXEMPLARY",
    "Bounds",
    "CommitFailed",
    "Exemplar",
    "Lease",
    "Ledger",
    "LedgerError",
    "LedgerTaken",
    "Series",
    "SeriesTotal",
    "ShardsLost",
    "Transaction",
    "View",
    "alert_labels",
    "open_ledger",
]
