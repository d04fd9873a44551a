"""How far the cycle of a source is: who is still to be asked, and who is still to be read."""

from collections.abc import Callable, Iterable

from exporter.flow.known import EVERYTHING, counting_start
from exporter.ledger import Ledger


def first_counts_from(ledger: Ledger, key: tuple[str, str], watch: str, now: float, window: float) -> float:
    """Return `counts_from` of an alert that a watch shows for the first time: everything during its shard's baseline.

    Nothing that is older than what the ledger remembers: it may have been counted, and forgotten since.
    """
    source, shard = key[0], ledger.shards.of(*key)
    if not ledger.has_baseline(source, shard):
        return EVERYTHING
    start = counting_start(now, window, ledger.last_good_cycle_at(source, watch, shard))
    return max(start, ledger.remembers_from(now))


class Progress:
    """The alerts that were due at the start and not asked about since, and those that were never read.

    `is_searched` tells whether all that there is to search for was searched for since the start: before that, who is
    watched is not known.
    """

    def __init__(self, is_searched: Callable[[], bool]) -> None:
        self._is_searched = is_searched
        self._unasked: set[str] = set()
        self.unread: set[str] = set()
        self.has_selected = False
        self.is_cycled = False

    def join(self, *, due: Iterable[str], unread: Iterable[str]) -> None:
        """Note which of those who are watched from now on are due, and which were never read.

        One that is not due yet is no part of the first cycle.
        """
        self._unasked.update(due)
        self.unread.update(unread)

    def leave(self, alert_id: str) -> None:
        """Forget an alert that is selected no more."""
        self._unasked.discard(alert_id)
        self.unread.discard(alert_id)

    def selected(self) -> None:
        """Note that the watches were looked at; before that no cycle can end."""
        self.has_selected = True
        self.conclude()

    def asked(self, alert_id: str) -> None:
        """Note that an alert was asked about, whatever was answered."""
        self._unasked.discard(alert_id)
        self.conclude()

    def failed(self) -> None:
        """Note that the source is down: it said why, and nobody should wait for its first cycle."""
        self.is_cycled = self.is_cycled or self.has_selected

    def conclude(self) -> None:
        """See whether the first cycle is over."""
        is_asked = self.has_selected and not self._unasked and self._is_searched()
        self.is_cycled = self.is_cycled or is_asked
