"""Members: the exporters that share a ledger."""

from typing import NamedTuple


class Members(NamedTuple):
    """How many exporters share a ledger, and which of them this one is, from 0; all count in the same order."""

    number: int = 1
    rank: int = 0
