"""The loop: asks what is due, commits what was answered in batches, and publishes what is committed."""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from exporter.ledger import Ledger, LedgerError, Transaction
from exporter.metrics import Moment, Publisher
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answer, Answers, Workers

_TICK = 1.0
_BATCH = 500
_PUBLISH_EVERY = 5.0  # also while nothing is committed: the exporter's own metrics move
_FORGET_EVERY = 3600.0
_LAST_ANSWERS = 3.0  # how long a stop waits for answers under way; they would only be asked for again

log = structlog.get_logger()


class Poller:
    """Owns the sources and the ledger; runs in one thread. `clock` tells unix seconds."""

    def __init__(
        self,
        sources: Sequence[SourcePoller],
        workers: Mapping[str, Workers],
        answers: Answers,
        ledger: Ledger,
        *,
        birth_hold: float,
        retention: float,
        clock: Callable[[], float],
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._workers = workers
        self._answers = answers
        self._ledger = ledger
        self._birth_hold = birth_hold
        self._retention = retention
        self._clock = clock
        self._asking = 0
        self._watched: frozenset[tuple[str, str]] = frozenset()
        self._ledger_trouble = ""
        self._next_tick_at = self._next_forget_at = clock()
        self._published = (-1, 0.0)

    def moment(self) -> Moment:
        """Return all that a scrape should tell now."""
        now = self._clock()
        states = tuple(source.state(now) for source in self._sources.values())
        return Moment(now, self._ledger.view(), self._watched, states, self._birth_hold)

    def run(self, publisher: Publisher, stop: threading.Event) -> None:
        """Poll until `stop` is set, then commit the answers that come within seconds. Raises what a worker raised."""
        while not stop.is_set():
            now = self._clock()
            if now >= self._next_tick_at:
                self._next_tick_at = now + _TICK
                self._tick(publisher, now)
            self._ask(now)
            self._take_in(self._collect(self._idle_for(now)))
        self._finish()

    def _ask(self, now: float) -> None:
        for name, source in self._sources.items():
            while (alert_id := source.next_question(now)) is not None:
                self._workers[name].submit(alert_id)
                self._asking += 1

    def _idle_for(self, now: float) -> float:
        wakes = [at for source in self._sources.values() if (at := source.wakes_at(now)) is not None]
        return max(0.0, min([self._next_tick_at, *wakes]) - now)

    def _collect(self, timeout: float) -> list[Answer]:
        """Return the answers that are there; wait up to `timeout` for the first one."""
        batch: list[Answer] = []
        try:
            told = self._answers.get(timeout=timeout)
            while len(batch) < _BATCH:
                if isinstance(told, BaseException):
                    raise told
                if told is not None:
                    batch.append(told)
                    self._asking -= 1
                told = self._answers.get_nowait()
        except queue.Empty:
            pass
        return batch

    def _take_in(self, batch: Sequence[Answer]) -> None:
        if not batch:
            return
        now = self._clock()

        def fill(tx: Transaction) -> None:
            for answer in batch:
                self._sources[answer.source].take(answer, tx, now)

        committed = self._commit(fill)
        for answer in batch:
            source = self._sources[answer.source]
            if committed:
                source.reschedule(answer, now)
            else:
                source.postpone(answer, now)

    def _commit(self, fill: Callable[[Transaction], None]) -> bool:
        """Commit what `fill` puts into a transaction; say once where the ledger refuses, and go on without."""
        try:
            with self._ledger.transaction() as tx:
                fill(tx)
        except LedgerError as error:
            self._ledger_refused(error)
            return False
        self._ledger_works()
        return True

    def _ledger_refused(self, error: LedgerError) -> None:
        if not self._ledger_trouble:
            log.error("ledger is in trouble: nothing is counted until it is back", error=str(error))
        self._ledger_trouble = str(error)

    def _ledger_works(self) -> None:
        if self._ledger_trouble:
            log.info("ledger is back", after=self._ledger_trouble)
        self._ledger_trouble = ""

    def _tick(self, publisher: Publisher, now: float) -> None:
        self._select(now)
        self._commit(lambda tx: self._fill_regular(tx, publisher, now))
        version, published_at = self._published
        if self._ledger.version != version or now - published_at >= _PUBLISH_EVERY:
            self._published = (self._ledger.version, now)
            publisher.publish(self.moment())

    def _select(self, now: float) -> None:
        changed = False
        for source in self._sources.values():
            try:
                changed |= source.select(now)
            except LedgerError as error:
                self._ledger_refused(error)
        if changed:
            self._watched = frozenset().union(*(source.watched for source in self._sources.values()))

    def _fill_regular(self, tx: Transaction, publisher: Publisher, now: float) -> None:
        for source in self._sources.values():
            source.cycle(tx, now)
        self._fill_births(tx, publisher, now)
        if now >= self._next_forget_at:
            self._next_forget_at = now + _FORGET_EVERY
            tx.forget(self._ledger.forgettable(now - self._retention) - self._watched)

    def _fill_births(self, tx: Transaction, publisher: Publisher, now: float) -> None:
        unrevealed = self._ledger.unrevealed()
        for newborn, at in publisher.take_served():
            tx.serve((s for s in newborn if s in unrevealed and unrevealed[s].served_at is None), at)
        tx.reveal(
            series
            for series, total in unrevealed.items()
            if self._birth_hold == 0 or (total.served_at is not None and total.served_at + self._birth_hold <= now)
        )

    def _finish(self) -> None:
        for workers in self._workers.values():
            workers.stop()
        deadline = self._clock() + _LAST_ANSWERS
        while self._asking > 0 and (left := deadline - self._clock()) > 0:
            self._take_in(self._collect(left))
