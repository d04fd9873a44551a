"""Deadlines: an exchange that takes too long in all is cut, however lively its single reads look.

A time-out of `requests` holds for each read from the socket, so a server that sends a byte now and then could
keep us for ever. Here the connection is shut down under the reader instead, whatever it is waiting for.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock, Timer
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

# urllib3 opens connections deep inside; the deadline reaches them with the context of the calling thread.
_running: ContextVar["Deadline"] = ContextVar("deadline")


class Deadline:
    """The moment when the answer on a watched connection has to be complete."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._lock = Lock()
        self._twin: socket.socket | None = None
        self._timer: Timer | None = None

    @property
    def passed(self) -> bool:
        """Whether the time is over; what was read then may be cut off anywhere."""
        return time.monotonic() >= self._ends

    def watch(self, descriptor: int) -> None:
        """Shut the connection with that file descriptor down when the time is over; one connection at most."""
        # A duplicate, because the connection may be closed meanwhile and its number given to another one.
        self._twin = socket.socket(fileno=os.dup(descriptor))
        self._timer = Timer(max(0.0, self._ends - time.monotonic()), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Leave the connection alone from now on."""
        if self._timer:
            self._timer.cancel()
        with self._lock:
            if self._twin:
                self._twin.close()
            self._twin = None

    def _cut(self) -> None:
        with self._lock, suppress(OSError):
            if self._twin:
                self._twin.shutdown(socket.SHUT_RDWR)


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Watch the connection that is used inside; an answer on it has to be complete within `seconds`.

    Connecting (TCP, a proxy's CONNECT, TLS) stands under the time-outs of its single steps alone.
    """
    running = Deadline(seconds)
    token = _running.set(running)
    try:
        yield running
    finally:
        _running.reset(token)
        running.end()


class _WatchedConnection(HTTPConnection):
    def getresponse(self) -> Any:  # Any: what a parent returns is no subtype of what its own parent returns
        _running.get().watch(self.sock.fileno())
        return super().getresponse()


class _WatchedTlsConnection(HTTPSConnection):
    def getresponse(self) -> Any:  # Any: as above
        _running.get().watch(self.sock.fileno())
        return super().getresponse()


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection


WATCHED_POOLS = {"http": _WatchedPool, "https": _WatchedTlsPool}
