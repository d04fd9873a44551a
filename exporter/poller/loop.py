"""The loop: asks what is due, commits what was answered in batches, and publishes what is committed."""

import queue
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import structlog

from exporter.flow.deadlines import NO_TARGETS, AckTargets
from exporter.ledger import Ledger, Transaction
from exporter.metrics import Moment, Publisher
from exporter.poller.acts import Acts
from exporter.poller.births import Births
from exporter.poller.ledger_use import LedgerUse
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answer, Answers, Workers

_TICK = 1.0
_BATCH = 500
_BATCH_AGE = 0.5
_PUBLISH_EVERY = 5.0  # also while nothing is committed: the exporter's own metrics move
_FORGET_EVERY = 3600.0  # or in a tenth of a retention that is short
_LAST_ANSWERS = 3.0  # how long a stop waits for answers under way; they would only be asked for again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the config says of showing and keeping: `web.birth_hold` and `ledger.retention` in seconds, and others of
    the names they have there.
    """

    birth_hold: float
    retention: float
    targets: AckTargets = NO_TARGETS
    alert_series: int = sys.maxsize
    created_series: bool = False


class Poller:
    """Owns the sources and the ledger; runs in one thread. `clock` tells unix seconds.

    `tell_membership` gets how many shards are owned and how many exporters share the ledger, at first and when either
    changes.
    """

    def __init__(
        self,
        sources: Iterable[SourcePoller],
        workers: Mapping[str, Workers],
        answers: Answers,
        ledger: Ledger,
        terms: Terms,
        *,
        clock: Callable[[], float],
        tell_membership: Callable[[int, int], None] = lambda _shards, _members: None,
    ) -> None:
        self._answers = answers
        self._ledger = ledger
        self._clock = clock
        self._tell_membership = tell_membership
        self._acts = Acts(lambda: answers.put(None))
        self._batch: list[Answer] = []
        self._batch_since = 0.0
        self._watched: frozenset[tuple[str, str]] = frozenset()
        self._watched_by_source: list[frozenset[tuple[str, str]]] = []
        self._joining: list[SourcePoller] = []
        self._use = LedgerUse(ledger, clock)
        self._births = Births(ledger)
        self._now = self._next_tick_at = self._next_forget_at = clock()
        self._published = (-1, 0.0)
        self._standings: object = None
        self.adopt(sources, workers, terms)

    def adopt(self, sources: Iterable[SourcePoller], workers: Mapping[str, Workers], terms: Terms) -> None:
        """Go by other settings from now on; the next thing is a tick, which adopts what the sources select."""
        self._sources = {source.name: source for source in sources}
        self._workers = workers
        self._terms = terms
        self._joining = []
        self._ledger.adopt_retention(terms.retention)
        self._membership: tuple[frozenset[int], int] | None = None
        self._share(self._clock())
        self.refresh()

    def refresh(self) -> None:
        """Have the next tick at once, and a new moment published by it."""
        self._next_tick_at = self._clock()
        self._published = (-1, 0.0)

    def soon(self, act: Callable[[], None]) -> "Future[None]":
        """Have `act` done in the loop's thread, between two iterations; any thread may ask. See `Acts.put`."""
        return self._acts.put(act)

    def moment(self) -> Moment:
        """Return all that a scrape should tell now."""
        now = self._clock()
        states = tuple(self._use.health.told_with(source.state(now)) for source in self._sources.values())
        return Moment(
            now,
            self._ledger.view(),
            self._watched,
            states,
            self._terms.birth_hold,
            self._terms.targets,
            self._terms.alert_series,
            self._terms.created_series,
            self._ledger.owned,
            self._ledger.members,
        )

    def select(self) -> None:
        """Adopt all that the watches select now; where the ledger refuses, the next tick tries again."""
        now = self._clock()
        self._select(now)
        while self._joining:
            self._share(now)
            self._join(now)
        self._note_watched()

    def run(self, publisher: Publisher, stop: threading.Event) -> None:
        """Poll until `stop` is set, then commit the answers that come within seconds. Raises what a worker raised."""
        while not stop.is_set():
            now = self._clock()
            if now < self._now:
                self._clock_set_back(self._now - now)
            self._now = now
            self._acts.do()
            if now >= self._next_tick_at:
                self._next_tick_at = now + _TICK
                self._tick(publisher, now)
            self._join(now)
            self._share(now)
            self._ask(now)
            self._collect(self._idle_for(now))
            if self._is_batch_due():
                self._take_in()
        self._finish()

    def _select(self, now: float) -> None:
        sources = self._sources.values()
        self._joining = [s for s in sources if self._use.asks(partial(s.select, now)) and s.is_joining]

    def _join(self, now: float) -> None:
        """Have some more of those join who are selected; a ledger that refuses is left alone until the next tick."""
        self._joining = [s for s in self._joining if self._use.asks(partial(s.join, now)) and s.is_joining]

    def _share(self, now: float) -> None:
        """Have the sources go by the shards that are owned now, where others took some or some were taken."""
        owned, members = self._ledger.owned, self._ledger.members
        if self._membership is not None and owned is self._membership[0] and members == self._membership[1]:
            return
        self._membership = owned, members
        for source in self._sources.values():
            source.share(now)
        self._tell_membership(len(owned), members)

    def _note_watched(self) -> None:
        """A moment tells by the same object that nobody joined or left; that is also cheap for many alerts."""
        by_source = [source.watched for source in self._sources.values()]
        if by_source != self._watched_by_source:
            self._watched_by_source = by_source
            self._watched = by_source[0] if len(by_source) == 1 else frozenset().union(*by_source)

    def _ask(self, now: float) -> None:
        for name, source in self._sources.items():
            while self._may_ask(now) and (question := source.next_question(now)) is not None:
                self._workers[name].submit(question)

    def _may_ask(self, now: float) -> bool:
        """Whether an answer may be counted; after a pause of the ledger a single one finds that out."""
        if not self._use.health.trouble:
            return True
        return not (self._use.health.is_paused(now) or self._batch or self._is_asking())

    def _idle_for(self, now: float) -> float:
        if self._joining:
            return 0.0
        sources = self._sources.values() if self._may_ask(now) else ()
        wakes = [at for source in sources if (at := source.wakes_at(now)) is not None]
        if self._batch and not self._use.health.is_paused(now):
            wakes.append(self._batch_since + _BATCH_AGE)
        return max(0.0, min([self._next_tick_at, *wakes]) - now)

    def _collect(self, timeout: float) -> None:
        """Add the answers that are there to the batch; wait up to `timeout` for the first one."""
        try:
            told = self._answers.get(timeout=timeout)
            while True:
                if isinstance(told, BaseException):
                    raise told
                if told is not None:
                    self._arrived(told)
                if len(self._batch) >= _BATCH:
                    return
                told = self._answers.get_nowait()
        except queue.Empty:
            return

    def _arrived(self, answer: Answer) -> None:
        if not self._batch:
            self._batch_since = self._clock()
        if isinstance(answer.told, Exception):
            self._batch_since = 0.0  # what a refusal means for the next question cannot wait
        self._batch.append(answer)
        self._sources[answer.source].answered()

    def _is_batch_due(self) -> bool:
        """A commit costs a disk's flush: answers wait a moment for each other, errors and the last one do not."""
        if not self._batch or self._use.is_paused:
            return False
        is_old = not 0 <= self._clock() - self._batch_since < _BATCH_AGE
        return is_old or len(self._batch) >= _BATCH or not self._is_asking()

    def _is_asking(self) -> bool:
        return any(source.asking for source in self._sources.values())

    def take_in(self) -> None:
        """Commit, now, all that was answered."""
        while not self._answers.empty():
            self._collect(0.0)
            self._take_in()
        self._take_in()

    def _take_in(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        now = self._clock()

        def fill(tx: Transaction) -> None:
            for answer in batch:
                self._sources[answer.source].take(answer, tx, now)

        committed = self._use.commits(fill)
        for answer in batch:
            source = self._sources[answer.source]
            if committed:
                source.reschedule(answer, now)
            else:
                source.postpone(answer, now)

    def _clock_set_back(self, by: float) -> None:
        log.warning("the clock was set back", seconds=by)
        self._next_tick_at -= by
        self._next_forget_at -= by
        self._published = (self._published[0], self._published[1] - by)
        self._use.health.clock_set_back(by)
        for source in self._sources.values():
            source.clock_set_back(by)

    def _tick(self, publisher: Publisher, now: float) -> None:
        self._use.rebalance(publisher.current.moment.view.told)
        self._share(now)
        self._select(now)
        self._note_watched()
        self._end_cycles(now)
        self._bear(publisher, now)
        self._forget(now)
        version, published_at = self._published
        trouble, told = self._use.health.trouble, self._ledger.view().told
        standings = [trouble, told, self._ledger.members, *(source.standing() for source in self._sources.values())]
        is_news = self._ledger.version != version or standings != self._standings
        if is_news or now - published_at >= _PUBLISH_EVERY:
            self._published, self._standings = (self._ledger.version, now), standings
            publisher.publish(self.moment())

    def _end_cycles(self, now: float) -> None:
        for source in self._sources.values():
            end = source.ending_cycle(now)
            if end is not None and self._use.commits(end.fill):
                source.cycle_ended(end)

    def _bear(self, publisher: Publisher, now: float) -> None:
        births = self._births.due(publisher.take_served(), now, self._terms.birth_hold)
        if self._use.commits(births.fill):
            self._births.committed()

    def _forget(self, now: float) -> None:
        if now < self._next_forget_at or not all(source.has_selected for source in self._sources.values()):
            return

        def fill(tx: Transaction) -> None:
            tx.forget(self._ledger.forgettable(now - self._terms.retention) - self._watched)

        if self._use.commits(fill):
            self._next_forget_at = now + min(_FORGET_EVERY, self._terms.retention / 10)

    def _finish(self) -> None:
        deadline = self._clock() + _LAST_ANSWERS
        while self._is_asking() and (left := deadline - self._clock()) > 0:
            self._collect(left)
        self._take_in()
        self._acts.close()
