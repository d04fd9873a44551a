"""How the ledger fares: whether it takes commits, and for how long it is left alone where it does not."""

from dataclasses import replace

import structlog

from exporter.ledger import LedgerError
from exporter.metrics import SourceState
from exporter.poller.schedule import doubled

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

log = structlog.get_logger()


class LedgerHealth:
    """Told of each commit and refusal; logs once per change. Times in unix seconds.

    `trouble` says why nothing is counted; it is empty while the ledger takes what it is given.
    """

    def __init__(self) -> None:
        self.trouble = ""
        self._since = 0.0
        self._refusals = 0
        self._paused_until = 0.0

    def is_paused(self, now: float) -> bool:
        """Whether the ledger is left alone: what would be read now could not be counted."""
        return now < self._paused_until

    def refused(self, error: LedgerError, now: float) -> None:
        """Note that it could not be read, or did not take a commit: the pauses grow as long as that goes on."""
        if not self.trouble:
            self._since = now
            log.error("ledger is in trouble: nothing is asked or counted until it is back", error=str(error))
        self.trouble = str(error)
        self._refusals += 1
        self._paused_until = now + doubled(_FIRST_PAUSE, self._refusals, _LONGEST_PAUSE)

    def committed(self) -> None:
        """Note that it took something."""
        if self.trouble:
            log.info("ledger is back", after=self.trouble)
        self.trouble = ""
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
