"""The worker pool: a bounded number of threads that ask, so that the loop never waits for a server."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from exporter.blueking import BlueKingError, Page, SearchQuery
from exporter.flow.records import Log


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask: the log of the alert `key`, or with a `query` a page of a search."""

    key: str
    query: SearchQuery | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question; `key` is the question's, `asked_at` when it went out, in unix seconds."""

    source: str
    key: str
    asked_at: float
    told: Log | Page | BlueKingError


Answers = queue.SimpleQueue[Answer | BaseException | None]
"""What workers hand to the loop: answers, or the bug that ended a worker. None only wakes the loop."""


class Workers:
    """Threads that take questions and hand on answers. They end with the process, whatever a server keeps them at."""

    def __init__(
        self,
        source: str,
        ask: Callable[[Question], Log | Page],
        count: int,
        answers: Answers,
        clock: Callable[[], float],
    ) -> None:
        self._source = source
        self._ask = ask
        self._answers = answers
        self._clock = clock
        self._asked: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._handing_over = threading.Lock()
        self._is_dismissed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{source}-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, question: Question) -> None:
        """Have a question asked."""
        self._asked.put(question)

    def stop(self) -> None:
        """Have the threads end after what they are at; returns at once."""
        for _ in self._threads:
            self._asked.put(None)

    def dismiss(self) -> None:
        """Have no answer handed on any more once this returns, and the threads end after what they are at."""
        with self._handing_over:
            self._is_dismissed = True
        self.stop()

    def _run(self) -> None:
        while (question := self._asked.get()) is not None:
            asked_at = self._clock()
            try:
                told: Log | Page | BlueKingError = self._ask(question)
            except BlueKingError as error:
                told = error
            except BaseException as bug:  # noqa: BLE001 - a bug must end the process, not silently one of its threads
                self._answers.put(bug)
                return
            self._hand_over(Answer(self._source, question.key, asked_at, told))

    def _hand_over(self, answer: Answer) -> None:
        with self._handing_over:
            if not self._is_dismissed:
                self._answers.put(answer)
