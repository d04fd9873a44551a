"""Members: the exporters that share a ledger."""

from typing import NamedTuple


class Members(NamedTuple):
    """How many exporters share a ledger, and which of them this one is, from 0; all count in the same order.

    `session` is the database's number of this one's session, 0 where there is none.
    """

    number: int = 1
    rank: int = 0
    session: int = 0
