"""Durable state: what is known of each alert, and the totals, changed together in one transaction."""

from exporter.ledger.errors import CommitFailed, LedgerError
from exporter.ledger.ledger import Ledger, open_ledger
from exporter.ledger.totals import Bounds, Series, SeriesTotal, View
from exporter.ledger.transaction import Transaction

__all__ = [
    "Bounds",
    "CommitFailed",
    "Ledger",
    "LedgerError",
    "Series",
    "SeriesTotal",
    "Transaction",
    "View",
    "open_ledger",
]
