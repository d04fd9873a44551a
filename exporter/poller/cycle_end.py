"""The end of a source's cycle: when it has come, and what is to be committed then."""

from dataclasses import dataclass, replace

import structlog

from exporter.config import PollSettings
from exporter.flow.known import KnownAlert, counting_start
from exporter.ledger import Ledger, Transaction
from exporter.poller.parts import Parts
from exporter.poller.roster import Roster

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CycleEnd:
    """What is to be committed when all that was due at `at` (unix seconds) was asked.

    It completes the source's baseline in the shards `baseline`; `uncounted` are the alerts of these that showed no
    record yet, with what will count of them. `watches` had a good cycle, in the shards `owned`.
    """

    source: str
    at: float
    baseline: frozenset[int]
    uncounted: tuple[KnownAlert, ...]
    watches: tuple[str, ...]
    owned: frozenset[int]

    def fill(self, tx: Transaction) -> None:
        """Put it into a transaction."""
        if self.baseline:
            for known in self.uncounted:
                tx.put(known)
            tx.complete_baseline(self.source, self.at, self.baseline)
        for watch in self.watches:
            tx.good_cycle(self.source, watch, self.at, self.owned)


class Cycles:
    """Reads off the parts of a source's poller whether a cycle ends. Used by one thread; times in unix seconds."""

    def __init__(self, source: str, ledger: Ledger, roster: Roster, parts: Parts, now: float) -> None:
        self._source = source
        self._ledger = ledger
        self._roster = roster
        self._searcher = parts.searcher
        self._turnstile = parts.turnstile
        self._streaks = parts.streaks
        self._progress = parts.progress
        self._next_good_at = now

    def ending(self, now: float, poll: PollSettings) -> CycleEnd | None:
        """Return what to commit where every alert was asked as it should, None where there is nothing new to say."""
        owned = self._ledger.owned
        have_found = self._searcher.has_work or self._roster.watches.have_found
        if not (owned and have_found and self._searcher.have_ended and self._roster.has_selected):
            return None
        baseline = self._ledger.lacking_baseline(self._source)
        complete_at = now - self._turnstile.overdue(now)  # what was due by then was asked
        watches = self._roster.watches.names if complete_at >= self._next_good_at else ()
        if not (baseline or watches) or self._is_waiting():
            return None
        counts_from = counting_start(now, poll.first_seen_window, None)
        # Also those that left their watch meanwhile: should they come back, their history is history.
        unread = self._ledger.uncounted(self._source) if baseline else ()
        ours = (known for known in unread if self._ledger.shards.of(*known.key) in baseline)
        uncounted = tuple(replace(known, counts_from=counts_from) for known in ours)
        return CycleEnd(self._source, complete_at, baseline, uncounted, watches, owned)

    def ended(self, end: CycleEnd, poll: PollSettings) -> None:
        """Draw the conclusions of a cycle's end that was committed."""
        if end.watches:
            self._next_good_at = end.at + poll.interval
        if end.baseline:
            given_up, alerts = len(self._progress.unread), len(self._roster.census.watched)
            log.info("baseline complete", source=self._source, alerts=alerts, given_up=given_up)

    def clock_set_back(self, by: float) -> None:
        """Move what is planned with the clock."""
        self._next_good_at -= by

    def _is_waiting(self) -> bool:
        """Whether an alert that was never read may still be."""
        return any(self._streaks.given_up(alert_id) is None for alert_id in self._progress.unread)
