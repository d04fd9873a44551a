"""A thread for each connection that is read or answered, so that slow clients hold up nobody but themselves."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

_MOST = 256
_HEAD_WITHIN = 10.0  # seconds for the TLS handshake and the head of a request together
_ANSWER_WITHIN = 60.0  # seconds from then on
_TICK = 0.5


class Connection(Protocol):
    """What the threads know of a connection."""

    remote_addr: str | None

    def communicate(self) -> bool:
        """Read a request and answer it; tell whether the connection may go on. Raises OSError."""

    def give_up(self) -> None:
        """Break the connection off, from any thread."""

    def close(self) -> None:
        """Close the socket; raises OSError."""


@dataclass(slots=True)
class _Work:
    """The thread of a connection, and when its time is over (on the monotonic clock)."""

    thread: threading.Thread
    ends_at: float


class Threads:
    """Takes the place of cheroot's pool of threads, whose few are all taken as soon as as many clients are slow.

    A connection that takes too long is broken off; one that may go on is handed to `keep`. At the limit each new one
    takes the place of another: of the oldest of the client that has the most.
    """

    def __init__(
        self,
        keep: Callable[[Connection], None],
        *,
        most: int = _MOST,
        head_within: float = _HEAD_WITHIN,
        answer_within: float = _ANSWER_WITHIN,
    ) -> None:
        self._keep = keep
        self._most = most
        self._head_within = head_within
        self._answer_within = answer_within
        self._lock = threading.Lock()
        self._busy: dict[Connection, _Work] = {}
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch over the time that connections take."""
        threading.Thread(target=self._watch, name="web-deadlines", daemon=True).start()

    def put(self, connection: Connection) -> None:
        """Have the next request of a connection read and answered."""
        thread = threading.Thread(target=self._run, args=(connection,), name="web-request", daemon=True)
        with self._lock:
            if len(self._busy) >= self._most:
                self._make_room()
            self._busy[connection] = _Work(thread, time.monotonic() + self._head_within)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            self._forget(connection)
            _close(connection)

    def answering(self, connection: Connection) -> None:
        """Take note that the head of a request is complete."""
        with self._lock:
            work = self._busy.get(connection)
            if work:
                work.ends_at = time.monotonic() + self._answer_within

    def stop(self, timeout: float) -> None:
        """Wait for answers under way, `timeout` seconds for all together; then break off what is left."""
        self._stopped.set()
        ends_at = time.monotonic() + timeout
        with self._lock:
            busy = dict(self._busy)
        for work in busy.values():
            if work.thread.is_alive():  # one that is only about to start cannot be joined
                work.thread.join(max(0.0, ends_at - time.monotonic()))
        for connection in busy:
            connection.give_up()

    def _run(self, connection: Connection) -> None:
        goes_on = False
        try:
            with suppress(OSError):
                goes_on = connection.communicate()
        finally:
            self._forget(connection)
            if goes_on:
                self._keep(connection)
            else:
                _close(connection)

    def _forget(self, connection: Connection) -> None:
        with self._lock:
            self._busy.pop(connection, None)

    def _make_room(self) -> None:
        ((busiest, _),) = Counter(connection.remote_addr for connection in self._busy).most_common(1)
        oldest = next(connection for connection in self._busy if connection.remote_addr == busiest)
        del self._busy[oldest]
        oldest.give_up()

    def _watch(self) -> None:
        while not self._stopped.wait(_TICK):
            now = time.monotonic()
            with self._lock:
                late = [connection for connection, work in self._busy.items() if work.ends_at < now]
            for connection in late:
                connection.give_up()


def _close(connection: Connection) -> None:
    with suppress(OSError):
        connection.close()
