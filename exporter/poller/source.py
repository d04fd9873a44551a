"""One source as the poller sees it: which of its alerts are due, and what their answers mean."""

from collections.abc import Callable, Mapping
from functools import partial

from exporter.blueking import BlueKingError, NoSuchAlert, Page, Reason
from exporter.config import PollSettings, RateLimitSettings
from exporter.flow.deadlines import NO_TARGETS, AckTargets
from exporter.ledger import Ledger, Transaction
from exporter.metrics import OwnMetrics, SourceState
from exporter.poller.cycle import Progress
from exporter.poller.cycle_end import CycleEnd, Cycles
from exporter.poller.findings import Findings
from exporter.poller.health import SourceHealth
from exporter.poller.label_sets import ANY_NUMBER, LabelSets
from exporter.poller.parts import Parts
from exporter.poller.reader import Reader
from exporter.poller.roster import SEARCH, Roster, pace_of
from exporter.poller.schedule import SOURCE_REASONS, GivenUp, next_poll_at, retry_at
from exporter.poller.searcher import Searcher
from exporter.poller.share import part_of
from exporter.poller.skew import TimezoneSkew
from exporter.poller.standing import Standing
from exporter.poller.streaks import Streaks
from exporter.poller.turnstile import Turnstile
from exporter.poller.workers import Answer, Question
from exporter.watch import SearchWatch, Watches


class SourcePoller:
    """Decides what to ask a source for, and takes in its answers. Used by one thread; never waits.

    `jitter` draws from 0 to 1. All times are unix seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        watches: Watches,
        searches: tuple[SearchWatch, ...] = (),
        ledger: Ledger,
        own: OwnMetrics,
        poll: PollSettings,
        targets: AckTargets = NO_TARGETS,
        label_sets: LabelSets = ANY_NUMBER,
        limits: RateLimitSettings,
        jitter: Callable[[], float],
        now: float,
    ) -> None:
        self.name = name
        self._ledger = ledger
        self._own = own
        self._poll = poll
        self._pace = pace_of(poll)
        self._limits = limits
        self._jitter = jitter
        self._turnstile = Turnstile(part_of(limits, ledger.members), partial(own.throttled, name), now)
        self._health = SourceHealth(name, jitter, ledger.last_read_at(name))
        self._streaks = Streaks(name, lambda: self._health.answered_at)
        self._progress = Progress(lambda: self._searcher.have_cycled)
        self._skew = TimezoneSkew(name)
        self._searcher = Searcher(
            name, searches, ledger, poll.first_seen_window, targets, label_sets, pace=self._pace, jitter=jitter
        )
        parts = Parts(self._searcher, self._turnstile, self._health, self._streaks, self._progress, self._skew)
        self._roster = Roster(name, watches, ledger, parts, poll=poll, targets=targets, label_sets=label_sets)
        self._cycles = Cycles(name, ledger, self._roster, parts, now)
        self._standing = Standing(name, ledger, own, self._roster, parts)
        self._reader = Reader(name, ledger, parts)
        self._findings: Findings | None = None

    # Which alerts

    def select(self, now: float) -> bool:
        """Adopt what the watches select now; return whether that changed. Raises `LedgerError`.

        Where many join, the rest of them does so by `join`, as long as `is_joining`.
        """
        return self._roster.select(now)

    @property
    def is_joining(self) -> bool:
        """Whether some who are selected did not join yet."""
        return self._roster.is_joining

    def join(self, now: float) -> None:
        """Have the next ones join. Raises `LedgerError`."""
        self._roster.join(now)

    @property
    def has_selected(self) -> bool:
        """Whether the watches in force were looked at, and all whom they select joined."""
        return self._roster.has_selected

    @property
    def watched(self) -> frozenset[tuple[str, str]]:
        """The keys of the watched alerts: the same object as before where nobody joined or left."""
        return self._roster.census.watched

    # Other settings

    def adopt(
        self,
        *,
        watches: Watches | None,
        searches: tuple[SearchWatch, ...],
        poll: PollSettings,
        targets: AckTargets,
        limits: RateLimitSettings,
        now: float,
    ) -> None:
        """Go by other settings from now on; `watches` is None where they are the same.

        What is known stays, due times, failures and pauses included; who joins does so at the next `select`.
        """
        self._poll, self._pace, self._limits = poll, pace_of(poll), limits
        self._turnstile.limit(part_of(limits, self._ledger.members))
        self._roster.adopt(watches, searches, poll, targets, now)

    def share(self, now: float) -> None:
        """Go by the shards that are owned now, and by how many exporters ask the source beside this one."""
        self._turnstile.limit(part_of(self._limits, self._ledger.members))
        self._roster.adopt_shards(now)

    def reconnected(self, now: float) -> None:
        """Note that other workers ask from now on: what is under way will not be answered, and is asked again."""
        for key in self._turnstile.recall():
            if not self._is_wanted(key):
                self._turnstile.drop(key)
        self._health.reconnected(now)
        self._turnstile.end_waiting(now)
        self._skew.forget()

    @property
    def asking(self) -> int:
        """How many questions are under way that were not answered yet."""
        return self._turnstile.asked

    # When to ask

    def next_question(self, now: float) -> Question | None:
        """Return what to ask for now, None where nothing is due or the source may not be asked yet."""
        at_most = 1 if self._health.is_probing else None
        # The logs that a round found would hold up its next page; while logs are refused, their queue all searches.
        is_urgent = self._health.is_probing or self._searcher.is_under_way
        ahead = SEARCH if is_urgent and not self._health.was_refused(SEARCH) else None
        key = self._turnstile.pass_on(now, paused_until=self._health.paused_until, at_most=at_most, ahead=ahead)
        if key is None:
            return None
        if key == SEARCH:
            return Question(key, self._searcher.query(now))
        self._own.polled(self.name)
        return Question(key)

    def wakes_at(self, now: float) -> float | None:
        """Return when there may be something to ask for; None where only an answer can change that."""
        at_most = 1 if self._health.is_probing else None
        return self._turnstile.wakes_at(now, paused_until=self._health.paused_until, at_most=at_most)

    def clock_set_back(self, by: float) -> None:
        """Move what is planned, so that a clock that was set back by so many seconds stops nothing."""
        self._turnstile.shift(-by)
        self._health.clock_set_back(by)
        self._searcher.clock_set_back(by)
        self._cycles.clock_set_back(by)

    # What was answered

    def answered(self) -> None:
        """Note that an answer came: its slot is free for the next question, before the answer is committed."""
        self._turnstile.answered()

    def take(self, answer: Answer, tx: Transaction, now: float) -> None:
        """Put what an answer tells into the transaction; nothing that is kept changes before that is committed."""
        if isinstance(answer.told, Page):
            self._findings = self._searcher.take(answer.told, now, self._roster.is_selected, tx.alerts)
            if self._findings is not None:
                self._findings.fill(tx)
            return
        if not self._turnstile.is_forsaken(answer.key):
            self._reader.take(answer.key, answer.told, answer.asked_at, tx, now, self._poll)

    def reschedule(self, answer: Answer, now: float) -> None:
        """Draw the conclusions of an answer that was committed."""
        if self._turnstile.is_forsaken(answer.key):
            self.postpone(answer, now)
            return
        due_at = self._turnstile.come_back(answer.key, now)
        if answer.key == SEARCH:
            self._searched(answer, due_at, now)
            return
        self._progress.asked(answer.key)
        if isinstance(answer.told, BlueKingError):
            self._failed(answer, answer.told, due_at, now)
        else:
            self._turnstile.bucket.speed_up()
            self._health.succeeded(answer.key, answer.asked_at, now)
            self._streaks.clear(answer.key)
            self._read(answer.key, now)

    def postpone(self, answer: Answer, now: float) -> None:
        """Ask again for what could not be committed: it is as late as it is, and the others have their turn before."""
        due_at = self._turnstile.come_back(answer.key, now)
        if answer.key == SEARCH:
            self._searcher.restart()
            self._findings = None
        if self._is_wanted(answer.key):
            self._turnstile.put_back(answer.key, due_at, now)

    def _is_wanted(self, key: str) -> bool:
        """Whether there is still a use for asking."""
        return self._searcher.has_work if key == SEARCH else key in self._roster

    def _searched(self, answer: Answer, due_at: float, now: float) -> None:
        """A page was answered or refused: on with the round, the next watch, or the next cycle."""
        findings, self._findings = self._findings, None
        if isinstance(answer.told, BlueKingError):
            self._slow_down(answer.told)
            if answer.told.reason in SOURCE_REASONS and not self._health.lies_with(SEARCH, answer.told.reason):
                self._health.failed(SEARCH, answer.told, answer.asked_at, now, is_log=False)
                self._wait_with_the_source(SEARCH, due_at)
                return
            self._searcher.failed(answer.told, now)
        else:
            self._turnstile.bucket.speed_up()
            self._health.searched(SEARCH, answer.asked_at, now)
        if findings is not None:
            self._roster.take_in(findings, now)
        if self._searcher.has_work:
            self._turnstile.put(SEARCH, self._searcher.due_at(now))
        if self._health.trouble or self._searcher.trouble:
            self._progress.failed()

    def _read(self, alert_id: str, now: float) -> None:
        self._progress.unread.discard(alert_id)
        known = self._ledger.get(self.name, alert_id)
        if known is None:
            self._roster.leave(alert_id)
        elif alert_id in self._roster:
            self._roster.census.note(known)
            self._skew.add(known, now)
            at = next_poll_at(known, now, self._pace)
            if at is not None:
                self._turnstile.put(alert_id, at)

    def _failed(self, answer: Answer, error: BlueKingError, due_at: float, now: float) -> None:
        alert_id = answer.key
        self._own.poll_failed(self.name, error.reason)
        self._slow_down(error)
        is_its_own = self._health.lies_with(alert_id, error.reason)
        if isinstance(error, NoSuchAlert):
            self._health.answered(alert_id, answer.asked_at, now)
        elif not is_its_own:
            self._health.failed(alert_id, error, answer.asked_at, now)
        if self._health.trouble:
            self._progress.failed()
        if alert_id not in self._roster or self._ledger.get(self.name, alert_id) is None:
            self._roster.leave(alert_id)
        elif error.reason in SOURCE_REASONS and not is_its_own:
            self._wait_with_the_source(alert_id, due_at)
        else:
            streak, given_up = self._streaks.failed(alert_id, error, now)
            self._turnstile.put(alert_id, retry_at(streak, given_up, now, self._pace, self._jitter()))

    def _wait_with_the_source(self, key: str, due_at: float) -> None:
        """Have what was refused wait for the source; it is still due, but the others have their turn before it."""
        if self._is_wanted(key):
            self._turnstile.put_back(key, due_at, max(due_at, self._health.paused_until))

    def _slow_down(self, error: BlueKingError) -> None:
        if error.reason is Reason.TOO_FAST and not self._health.is_probing:
            self._turnstile.bucket.slow_down()

    # How it stands

    def ending_cycle(self, now: float) -> CycleEnd | None:
        """Return what to commit where every alert was asked as it should, None where there is nothing new to say."""
        return self._cycles.ending(now, self._poll)

    def cycle_ended(self, end: CycleEnd) -> None:
        """Draw the conclusions of a cycle's end that was committed."""
        self._cycles.ended(end, self._poll)

    def standing(self) -> tuple[str, bool, Mapping[str, GivenUp]]:
        """Return what may change in `state` without a commit; unlike it, it costs next to nothing."""
        return self._standing.brief()

    def state(self, now: float) -> SourceState:
        """Return how the source stands."""
        return self._standing.state(now)
