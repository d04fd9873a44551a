"""How the loop uses the ledger: it asks only while that is not left alone, and takes note of what became of it."""

from collections.abc import Callable
from functools import partial

from exporter.ledger import Ledger, LedgerError, ShardsLost, Transaction
from exporter.poller.ledger_health import LedgerHealth


class LedgerUse:
    """Asks the ledger, and tells `health` how that went. Used by one thread; `clock` tells unix seconds.

    Where other exporters have shards that were this one's, what was to be done is not done, and the ledger is well.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self.health = LedgerHealth(is_shared=ledger.shards.number > 1)

    @property
    def is_paused(self) -> bool:
        """Whether the ledger is left alone."""
        return self.health.is_paused(self._clock())

    def asks(self, act: Callable[[], object], *, is_look: bool = False) -> bool:
        """Do what asks the ledger; return whether that was done. A look is what tells who shares it."""
        if self.is_paused:
            return False
        try:
            act()
        except ShardsLost:
            return False
        except LedgerError as error:
            self.health.refused(error, self._clock(), is_unreached=is_look)
            return False
        return True

    def commits(self, fill: Callable[[Transaction], None]) -> bool:
        """Commit what `fill` puts into a transaction; return whether that was done."""
        return self.asks(partial(self._commit, fill))

    def rebalance(self, told: frozenset[int]) -> None:
        """See who shares the ledger, and share its shards with them; scrapes are told of those that are `told`."""
        if self.asks(partial(self._ledger.rebalance, told), is_look=True):
            self.health.reached(is_idle=not self._ledger.owned)

    def _commit(self, fill: Callable[[Transaction], None]) -> None:
        with self._ledger.transaction() as tx:
            fill(tx)
        if not tx.is_empty():
            self.health.committed()
