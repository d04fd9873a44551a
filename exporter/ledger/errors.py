"""What can be wrong with a ledger.

LedgerError          it cannot be used: locked, foreign, newer, damaged, not writable
└── CommitFailed     it could be opened, but this transaction was not committed; nothing of it happened
"""


class LedgerError(Exception):
    """The ledger cannot be used; the message says which file, why, and what to do."""


class CommitFailed(LedgerError):
    """A transaction was rolled back; neither what is known nor any total has changed."""
