"""The lease: for how long a member may still tell what its shards hold, without asking the ledger again."""

import time
from collections.abc import Callable

LENGTH = 15.0
"""Seconds from the moment of asking the ledger. Whoever takes shards that were not handed over waits for longer before
it tells anything of them: so no two members tell different values of one series.
"""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def seconds() -> float:
    """Return seconds that no setting of a clock moves, and that go on while the machine is suspended."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """Ends by itself where it is not renewed, also in a process that was stopped meanwhile. Any thread may ask.

    `monotonic` tells `seconds`.
    """

    def __init__(self, until: float = float("inf"), monotonic: Callable[[], float] = seconds) -> None:
        self._until = until
        self._monotonic = monotonic

    @property
    def is_valid(self) -> bool:
        """Whether what was committed last under it is what there is."""
        return self._monotonic() < self._until

    def renew(self, asked_at: float) -> None:
        """Note that the ledger was as this member left it when it was asked, at `asked_at` on the same clock."""
        self._until = max(self._until, asked_at + LENGTH)

    def successor(self) -> "Lease":
        """Return another one that is valid for as long."""
        return Lease(self._until, self._monotonic)

    def end(self) -> None:
        """Have it end now."""
        self._until = float("-inf")


ENDLESS = Lease()
"""Of an exporter that shares its ledger with nobody."""
