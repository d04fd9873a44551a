"""Deadlines: an exchange that takes too long in all is cut, however lively its single reads look.

A time-out of `requests` holds for each read from the socket, so a server that sends a byte now and then could
keep us for ever. Here the connection is shut down under the reader instead, whatever it is waiting for.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from os import dup
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from exporter.watchdog import WATCHDOG, Line

# urllib3 opens connections deep inside; the deadline reaches them with the context of the calling thread.
_running: ContextVar["Deadline"] = ContextVar("deadline")


class Deadline:
    """The moment when the answer on a watched connection has to be complete."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._line: Line | None = None

    @property
    def passed(self) -> bool:
        """Whether the time is over; what was read then may be cut off anywhere."""
        return time.monotonic() >= self._ends

    def watch(self, line: Line) -> None:
        """Cut the line when the time is over; one line at most."""
        self._line = line
        WATCHDOG.watch(line, self._ends)

    def end(self) -> None:
        """Leave the connection alone from now on."""
        if self._line is not None:
            WATCHDOG.leave(self._line)
            self._line = None


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


class _Watched(HTTPConnection):
    """A connection whose answers stand under the deadline of whoever asks."""

    _line: Line | None = None

    def connect(self) -> None:
        super().connect()
        self._line = Line(dup(self.sock.fileno()))

    def getresponse(self) -> Any:  # Any: what a parent returns is no subtype of what its own parent returns
        if self._line is not None:
            _running.get().watch(self._line)
        return super().getresponse()

    def close(self) -> None:
        self._line = None
        super().close()


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


WATCHED_POOLS = {"http": _WatchedPool, "https": _WatchedTlsPool}
