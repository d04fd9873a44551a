"""What can be wrong with a ledger.

LedgerError          it cannot be used: locked, foreign, newer, damaged, not reachable, not writable
└── CommitFailed     it could be opened, but this transaction was not committed; nothing of it happened
    └── ShardsLost   for other members have shards that were this one's; the ledger is in no trouble
LedgerTaken          somebody else worked on it: what this process knows of it no longer holds
"""


class LedgerError(Exception):
    """The ledger cannot be used; the message says which one, why, and what to do."""


class CommitFailed(LedgerError):
    """A transaction was rolled back; neither what is known nor any total has changed.

    Where a connection broke during the commit itself, nobody knows yet whether it happened. The ledger finds out before
    it does anything else; what did happen is known and counted by then.
    """


class ShardsLost(CommitFailed):
    """Other members have shards that were this one's: they are gone from memory, and it goes on with the others."""


class LedgerTaken(Exception):
    """Another exporter has the ledger now, or had it meanwhile; the process is to end, and may start anew.

    No `LedgerError`: trying again does not help, for what is in memory is not what is in the database.
    """
