"""How the ledger fares: whether it takes commits, and for how long it is left alone where it does not."""

from dataclasses import replace

import structlog

from exporter.ledger import LedgerError
from exporter.metrics import SourceState
from exporter.poller.schedule import doubled

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_LONGEST_SHARED_PAUSE = 5.0  # exporters that come back one long after the other would pass shards to and fro

log = structlog.get_logger()


class LedgerHealth:
    """Told of each commit and refusal; logs once per change. Times in unix seconds.

    `trouble` says why nothing is counted; it is empty while the ledger takes what it is given. One that `is_shared` is
    left alone for a shorter time.
    """

    def __init__(self, *, is_shared: bool = False) -> None:
        self.trouble = ""
        self._longest_pause = _LONGEST_SHARED_PAUSE if is_shared else _LONGEST_PAUSE
        self._is_unreached = False
        self._since = 0.0
        self._refusals = 0
        self._paused_until = 0.0

    def is_paused(self, now: float) -> bool:
        """Whether the ledger is left alone: what would be read now could not be counted."""
        return now < self._paused_until

    def refused(self, error: LedgerError, now: float, *, is_unreached: bool = False) -> None:
        """Note that it could not be read, or did not take a commit: the pauses grow as long as that goes on.

        With `is_unreached` it could not even be asked who shares it: once that is told, the trouble is over.
        """
        if not self.trouble:
            self._since = now
            log.error("ledger is in trouble: nothing is asked or counted until it is back", error=str(error))
        self.trouble = str(error)
        self._is_unreached = is_unreached
        self._refusals += 1
        self._paused_until = now + doubled(_FIRST_PAUSE, self._refusals, self._longest_pause)

    def reached(self, *, is_idle: bool) -> None:
        """Note that it told who shares it; an exporter that `is_idle` has nothing to commit by which it would find out
        more.
        """
        if self._is_unreached or is_idle:
            self.committed()

    def committed(self) -> None:
        """Note that it took something."""
        if self.trouble:
            log.info("ledger is back", after=self.trouble)
        self.trouble = ""
        self._is_unreached = False
        self._refusals = 0
        self._paused_until = 0.0

    def told_with(self, state: SourceState) -> SourceState:
        """Return how a source stands, and why nothing that it tells is counted where that is so.

        Then no success is newer than the trouble: a page of a search that tells nothing new needs no commit, but says
        nothing of the next one, which may.
        """
        if not self.trouble:
            return state
        why = f"the ledger is in trouble, nothing is asked or counted until it is back: {self.trouble}"
        succeeded_at = None if state.last_success_at is None else min(state.last_success_at, self._since)
        return replace(state, trouble="; ".join(filter(None, (state.trouble, why))), last_success_at=succeeded_at)

    def clock_set_back(self, by: float) -> None:
        """Move the end of a pause with the clock."""
        self._since -= by
        self._paused_until -= by
