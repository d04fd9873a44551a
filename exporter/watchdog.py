"""The watchdog: one thread that cuts connections whose time is over, for all that the process waits for."""

import math
import os
import socket
import time
from contextlib import suppress
from threading import Condition, Thread


class Line:
    """A descriptor of a connection beside the one that it is used by; owns it, and closes it with itself.

    The connection may be closed while somebody is about to cut it, and the number of its own descriptor given to
    another one. This one's cannot be: it stays open for as long as anybody holds the line.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def cut(self) -> None:
        """Shut the connection down under whoever uses it; nothing happens where it is over already."""
        with suppress(OSError):
            connection = socket.socket(fileno=self._descriptor)
            try:
                connection.shutdown(socket.SHUT_RDWR)
            finally:
                connection.detach()

    def __del__(self) -> None:
        os.close(self._descriptor)


class Watchdog:
    """Cuts each line that is watched beyond its time; thread-safe.

    Its thread begins with the first line and ends with the process. It is woken only for a line whose time is over
    sooner than it would look anyway, so that a line that is left in time costs no switch of threads.
    """

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all lines: in a forked process the thread is gone, and the lock may be held by nobody."""
        self._changed = Condition()
        self._ends: dict[Line, float] = {}
        self._looks_at = math.inf
        self._thread: Thread | None = None

    def watch(self, line: Line, ends_at: float) -> None:
        """Cut `line` at `ends_at`, in the seconds of `time.monotonic`."""
        with self._changed:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            self._ends[line] = ends_at
            if ends_at < self._looks_at:
                self._looks_at = ends_at
                self._changed.notify()

    def leave(self, line: Line) -> None:
        """Leave `line` alone; when this returns, it is not cut any more."""
        with self._changed:
            self._ends.pop(line, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                self._cut_what_is_over(time.monotonic())
                self._looks_at = min(self._ends.values(), default=math.inf)
                self._changed.wait(None if math.isinf(self._looks_at) else self._looks_at - time.monotonic())

    def _cut_what_is_over(self, now: float) -> None:
        for line in [line for line, ends_at in self._ends.items() if ends_at <= now]:
            del self._ends[line]
            line.cut()


WATCHDOG = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.start_anew)
