"""Acts: what other threads want done in the loop's thread, between two iterations, where it splits no transaction."""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from exporter.ledger import LedgerError


class Acts:
    """A queue of acts; any thread may `put`, one does them. `wake` ends that one's wait for other things."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]] = queue.SimpleQueue()
        self._is_over = False

    def put(self, act: Callable[[], None]) -> "Future[None]":
        """Have `act` done soon. The future gets what it raises, and is cancelled where nothing is done any more."""
        future: Future[None] = Future()
        self._waiting.put((act, future))
        self._wake()
        if self._is_over:
            self._cancel()
        return future

    def do(self) -> None:
        """Do what waits. A `LedgerError` is told to who asked; any other error is a bug, and raised here as well."""
        while not self._waiting.empty():
            act, future = self._waiting.get()
            try:
                act()
            except BaseException as error:
                future.set_exception(error)
                if not isinstance(error, LedgerError):
                    raise
            else:
                future.set_result(None)

    def close(self) -> None:
        """Do nothing any more."""
        self._is_over = True
        self._cancel()

    def _cancel(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()[1].cancel()
