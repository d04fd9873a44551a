"""One source as the poller sees it: which of its alerts are due, and what their answers mean."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import structlog

from exporter.blueking import BlueKingError, NoSuchAlert
from exporter.config import PollSettings, RateLimitSettings
from exporter.flow.advance import Policy, advance
from exporter.flow.known import EVERYTHING, KnownAlert, counting_start
from exporter.flow.records import Log
from exporter.ledger import Ledger, Transaction
from exporter.metrics import OwnMetrics, SourceState
from exporter.metrics.moment import WatchedState
from exporter.poller.cycle import CycleEnd, Progress
from exporter.poller.due import DueQueue
from exporter.poller.health import SourceHealth
from exporter.poller.pace import TokenBucket
from exporter.poller.schedule import SOURCE_REASONS, Pace, next_poll_at, retry_at
from exporter.poller.skew import TimezoneSkew
from exporter.poller.streaks import Streaks
from exporter.poller.workers import Answer
from exporter.watch import Selection, Watches

log = structlog.get_logger()


class SourcePoller:
    """Decides what to ask a source for, and takes in its answers. Used by one thread; never waits.

    `jitter` draws from 0 to 1. All times are unix seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        watches: Watches,
        ledger: Ledger,
        own: OwnMetrics,
        poll: PollSettings,
        limits: RateLimitSettings,
        jitter: Callable[[], float],
        now: float,
    ) -> None:
        self.name = name
        self._watches = watches
        self._ledger = ledger
        self._own = own
        self._poll = poll
        self._pace = Pace(poll.interval, poll.acked_interval)
        self._policy = Policy(poll.settle, poll.max_age)
        self._jitter = jitter
        self._bucket = TokenBucket(limits.requests_per_second, limits.burst, now)
        self._concurrency = limits.concurrency
        self._health = SourceHealth(name, jitter, ledger.last_read_at(name))
        self._streaks = Streaks(lambda: self._health.answered_at)
        self._progress = Progress()
        self._skew = TimezoneSkew(name)
        self._selection: Selection = {}
        self._due = DueQueue()
        self._asking: dict[str, float] = {}  # alert id -> when it was due
        self._throttled_since: float | None = None
        self._next_good_cycle_at = now

    # Which alerts

    def select(self, now: float) -> bool:
        """Adopt what the watches select now; return whether that changed. Raises `LedgerError`."""
        selection = self._watches.selection()
        if self._progress.has_selected and selection is self._selection:
            return False
        added = [alert_id for alert_id in selection if alert_id not in self._selection]
        known = self._ledger.find(self.name, added)
        with self._ledger.transaction() as tx:
            for alert_id in added:
                if alert_id not in known:
                    known[alert_id] = self._first_sight(alert_id, selection, now)
                    tx.put(known[alert_id])
        for alert_id in self._selection.keys() - selection.keys():
            self._leave(alert_id)
        self._selection = selection
        for alert_id in added:
            self._join(known[alert_id], now)
        self._progress.selected()
        return True

    @property
    def has_selected(self) -> bool:
        """Whether the watches were looked at since the start."""
        return self._progress.has_selected

    @property
    def watched(self) -> frozenset[tuple[str, str]]:
        """The keys of the selected alerts."""
        return frozenset((self.name, alert_id) for alert_id in self._selection)

    def _first_sight(self, alert_id: str, selection: Selection, now: float) -> KnownAlert:
        selected = selection[alert_id]
        counts_from = EVERYTHING
        if self._ledger.has_baseline(self.name):
            last_good = self._ledger.last_good_cycle_at(self.name, selected.watch)
            counts_from = counting_start(now, self._poll.first_seen_window, last_good)
        return KnownAlert(self.name, alert_id, selected.labels, first_seen_at=now, counts_from=counts_from)

    def _join(self, known: KnownAlert, now: float) -> None:
        if known.rested_at is not None:
            return
        self._progress.join(known.alert_id, known.read_at is not None)
        self._skew.add(known, now)
        if known.alert_id not in self._asking:
            self._due.put(known.alert_id, now)

    def _leave(self, alert_id: str) -> None:
        self._due.drop(alert_id)
        self._progress.leave(alert_id)
        self._streaks.clear(alert_id)

    # When to ask

    def next_question(self, now: float) -> str | None:
        """Return an alert to ask for now, None where none is due or the source may not be asked yet."""
        first = self._due.first()
        if first is None or first[1] > now or self._is_full() or now < self._health.paused_until:
            self._throttled_since = None
            return None
        if not self._bucket.take(now):
            self._throttled_since = now if self._throttled_since is None else self._throttled_since
            return None
        if self._throttled_since is not None:
            self._own.throttled(self.name, max(0.0, now - self._throttled_since))
            self._throttled_since = None
        alert_id, due_at = self._due.pop()
        self._asking[alert_id] = due_at
        self._own.polled(self.name)
        return alert_id

    def wakes_at(self, now: float) -> float | None:
        """Return when there may be something to ask for; None where only an answer can change that."""
        first = self._due.first()
        if first is None or self._is_full():
            return None
        return max(first[1], self._health.paused_until, now + self._bucket.wait(now))

    def clock_set_back(self, by: float) -> None:
        """Move what is planned, so that a clock that was set back by so many seconds stops nothing."""
        self._due.shift(-by)
        self._health.paused_until -= by
        self._next_good_cycle_at -= by

    def _is_full(self) -> bool:
        return len(self._asking) >= (1 if self._health.is_probing else self._concurrency)

    # What was answered

    def take(self, answer: Answer, tx: Transaction, now: float) -> None:
        """Put what an answer tells into the transaction; nothing else changes before that is committed."""
        known = self._ledger.get(self.name, answer.alert_id)
        if known is None:
            return
        if isinstance(answer.told, Log):
            if known.read_at is None:
                # Written in a wrong time zone, the records of a new alert would all look like history.
                known = replace(known, counts_from=known.counts_from + self._skew.reported)
            known, observations = advance(known, answer.told, now=answer.asked_at, policy=self._policy)
            tx.put(known)
            tx.add(observations)
        elif known.read_at is not None and self._is_given_up_after(answer.alert_id, answer.told, now):
            # Gone for good, as far as one can tell: what we know of its end, or its age, is all there will be.
            closed, observations = advance(known, Log(), now=now, policy=self._policy)
            if closed.rested_at is not None:
                tx.put(closed)
                tx.add(observations)

    def reschedule(self, answer: Answer, now: float) -> None:
        """Draw the conclusions of an answer that was committed."""
        due_at = self._asking.pop(answer.alert_id, now)
        self._progress.asked(answer.alert_id)
        if isinstance(answer.told, BlueKingError):
            self._failed(answer, answer.told, due_at, now)
        else:
            self._health.succeeded(answer.asked_at, now)
            self._streaks.clear(answer.alert_id)
            self._read(answer.alert_id, now)

    def postpone(self, answer: Answer, now: float) -> None:
        """Ask again later for what could not be committed."""
        self._asking.pop(answer.alert_id, None)
        if answer.alert_id in self._selection:
            self._due.put(answer.alert_id, now + self._pace.interval)

    def _read(self, alert_id: str, now: float) -> None:
        self._progress.unread.discard(alert_id)
        known = self._ledger.get(self.name, alert_id)
        if known is None or alert_id not in self._selection:
            return
        self._skew.add(known, now)
        at = next_poll_at(known, now, self._pace)
        if at is not None:
            self._due.put(alert_id, at)

    def _failed(self, answer: Answer, error: BlueKingError, due_at: float, now: float) -> None:
        self._own.poll_failed(self.name, error.reason)
        if isinstance(error, NoSuchAlert):
            self._health.answered(answer.asked_at, now)
        else:
            self._health.failed(error, answer.asked_at, now)
        if self._health.trouble:
            self._progress.failed()
        alert_id = answer.alert_id
        if alert_id not in self._selection or self._ledger.get(self.name, alert_id) is None:
            self._streaks.clear(alert_id)
        elif error.reason in SOURCE_REASONS:
            self._due.put(alert_id, due_at)  # it is still due; the source as a whole waits
        else:
            self._retry(alert_id, error, now)

    def _retry(self, alert_id: str, error: BlueKingError, now: float) -> None:
        before = self._streaks.given_up(alert_id)
        streak, given_up = self._streaks.after(alert_id, error.reason, now)
        self._streaks.put(alert_id, streak)
        if given_up is not before:
            log.warning("alert is given up", source=self.name, alert_id=alert_id, state=given_up, error=str(error))
        self._due.put(alert_id, retry_at(streak, given_up, now, self._pace, self._jitter()))

    def _is_given_up_after(self, alert_id: str, error: BlueKingError, now: float) -> bool:
        if error.reason in SOURCE_REASONS:
            return False
        _, given_up = self._streaks.after(alert_id, error.reason, now)
        return given_up is not None

    # How it stands

    def ending_cycle(self, now: float) -> CycleEnd | None:
        """Return what to commit where every alert was asked as it should, None where there is nothing new to say."""
        waiting = (alert_id for alert_id in self._progress.unread if self._streaks.given_up(alert_id) is None)
        if not self._watches.have_found or next(waiting, None) is not None:
            return None
        baseline = not self._ledger.has_baseline(self.name)
        complete_at = now - self._overdue(now)  # what was due by then was asked
        watches = self._watches.names if complete_at >= self._next_good_cycle_at else ()
        if not self._progress.has_selected or not (baseline or watches):
            return None
        counts_from = counting_start(now, self._poll.first_seen_window, None)
        # Also those that left their watch meanwhile: should they come back, their history is history.
        uncounted = [replace(known, counts_from=counts_from) for known in self._ledger.uncounted(self.name) if baseline]
        return CycleEnd(self.name, complete_at, baseline, tuple(uncounted), watches)

    def cycle_ended(self, end: CycleEnd) -> None:
        """Draw the conclusions of a cycle's end that was committed."""
        if end.watches:
            self._next_good_cycle_at = end.at + self._pace.interval
        if end.baseline:
            given_up = len(self._progress.unread)
            log.info("baseline complete", source=self.name, alerts=len(self._selection), given_up=given_up)

    def state(self, now: float) -> SourceState:
        """Return how the source stands."""
        return SourceState(
            name=self.name,
            up=not self._health.trouble,
            cycled=self._progress.is_cycled,
            trouble=self._health.trouble,
            last_success_at=self._health.succeeded_at,
            overdue=self._overdue(now),
            watched=Counter(filter(None, map(self._watched_state, self._selection))),
            timezone_skew=self._skew.seconds,
        )

    def _overdue(self, now: float) -> float:
        first = self._due.first()
        due = [*self._asking.values(), *([] if first is None else [first[1]])]
        return max(0.0, now - min(due, default=now))

    def _watched_state(self, alert_id: str) -> WatchedState | None:
        given_up = self._streaks.given_up(alert_id)
        if given_up is not None:
            return WatchedState(given_up.value)
        known = self._ledger.get(self.name, alert_id)
        if known is None:
            return None
        return WatchedState.OPEN if known.outcome is None else WatchedState.SETTLING
