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


class Talk(Protocol):
    """What the threads know of a connection."""

    remote_addr: str | None

    def communicate(self) -> bool:
        """Read a request and answer it; tell whether the connection may go on. Raises OSError."""

    def give_up(self) -> None:
        """Break the connection off, from any thread."""

    def close(self) -> None:
        """Close the socket; raises OSError."""


@dataclass(slots=True)
class _Patience:
    """The thread of a connection, and the moment that its patience ends."""

    thread: threading.Thread
    ends_at: float


class Threads:
    """Takes the place of cheroot's pool of threads, whose few are all taken as soon as as many clients are slow.

    A connection that takes too long is broken off; one that may go on is handed to `keep`. At the limit each new one
    takes the place of another: of the oldest of the client that has the most.
    """

    def __init__(
        self,
        keep: Callable[[Talk], None],
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
        self._busy: dict[Talk, _Patience] = {}
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch over the time that connections take."""
        threading.Thread(target=self._watch, name="web-patience", daemon=True).start()

    def put(self, talk: Talk) -> None:
        """Have the next request of a connection read and answered."""
        thread = threading.Thread(target=self._run, args=(talk,), name="web-request", daemon=True)
        with self._lock:
            if len(self._busy) >= self._most:
                self._make_room()
            self._busy[talk] = _Patience(thread, time.monotonic() + self._head_within)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            self._forget(talk)
            _close(talk)

    def answering(self, talk: Talk) -> None:
        """Take note that the head of a request is complete."""
        with self._lock:
            patience = self._busy.get(talk)
            if patience:
                patience.ends_at = time.monotonic() + self._answer_within

    def stop(self, timeout: float) -> None:
        """Wait for answers under way, `timeout` seconds for all together; then break off what is left."""
        self._stopped.set()
        ends_at = time.monotonic() + timeout
        with self._lock:
            busy = dict(self._busy)
        for patience in busy.values():
            patience.thread.join(max(0.0, ends_at - time.monotonic()))
        for talk in busy:
            talk.give_up()

    def _run(self, talk: Talk) -> None:
        goes_on = False
        try:
            with suppress(OSError):
                goes_on = talk.communicate()
        finally:
            self._forget(talk)
            if goes_on:
                self._keep(talk)
            else:
                _close(talk)

    def _forget(self, talk: Talk) -> None:
        with self._lock:
            self._busy.pop(talk, None)

    def _make_room(self) -> None:
        (crowd, _), *_ = Counter(talk.remote_addr for talk in self._busy).most_common(1)
        oldest = next(talk for talk in self._busy if talk.remote_addr == crowd)
        del self._busy[oldest]
        oldest.give_up()

    def _watch(self) -> None:
        while not self._stopped.wait(_TICK):
            now = time.monotonic()
            with self._lock:
                late = [talk for talk, patience in self._busy.items() if patience.ends_at < now]
            for talk in late:
                talk.give_up()


def _close(talk: Talk) -> None:
    with suppress(OSError):
        talk.close()
