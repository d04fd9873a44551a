"""Reloads: whoever asks for one, they happen one after the other, and each tells what came of it."""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass

from exporter.config import Settings

_STOP_WITHIN = 3.0  # seconds: a config on a disk that hangs is no reason not to stop


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a reload: no `faults` where the new config is in force, else why the one before still is."""

    faults: str = ""


class Reloader:
    """Reloads in a thread of its own, from `start` to `stop`; what is asked for before `start` waits for it.

    Requests that wait when a reload begins are all served by it: each was made before the config is read. `load` reads
    the config and raises `ConfigError`; `over_http` tells whether `POST /-/reload` may ask.
    """

    def __init__(self, load: Callable[[], Settings], *, over_http: bool = False) -> None:
        self.load = load
        self.over_http = over_http
        self._requests: queue.SimpleQueue[Future[Outcome] | None] = queue.SimpleQueue()
        self._has_stopped = False
        self._thread: threading.Thread | None = None

    def request(self) -> Future[Outcome]:
        """Ask for a reload; may be used from a signal handler. The future is cancelled where the exporter stops."""
        future: Future[Outcome] = Future()
        self._requests.put(future)
        if self._has_stopped:
            self._refuse()
        return future

    def start(self, reload: Callable[[], Outcome], on_bug: Callable[[BaseException], None]) -> None:
        """Serve requests by `reload` from now on; what that raises is a bug, and goes to `on_bug`."""
        self._thread = threading.Thread(target=self._run, args=(reload, on_bug), name="reload", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Serve no more requests; a reload under way may end within seconds."""
        self._has_stopped = True
        self._requests.put(None)
        if self._thread is not None:
            self._thread.join(_STOP_WITHIN)
        self._refuse()

    def reload(self) -> str | None:
        """Ask for a reload and wait; return what is wrong with the config, nothing where it is in force, None where the
        exporter stops.
        """
        try:
            return self.request().result().faults
        except CancelledError:
            return None

    def _run(self, reload: Callable[[], Outcome], on_bug: Callable[[BaseException], None]) -> None:
        while not self._has_stopped:
            waiting = [request for request in (self._requests.get(), *self._waiting()) if request is not None]
            if not waiting or self._has_stopped:
                _cancel(waiting)
                continue
            try:
                outcome = reload()
            except BaseException as bug:  # noqa: BLE001 - a bug must end the process, not silently one of its threads
                on_bug(bug)
                _cancel(waiting)
                return
            for request in waiting:
                request.set_result(outcome)

    def _waiting(self) -> list[Future[Outcome] | None]:
        found = []
        while True:
            try:
                found.append(self._requests.get_nowait())
            except queue.Empty:
                return found

    def _refuse(self) -> None:
        _cancel(request for request in self._waiting() if request is not None)


def _cancel(requests: Iterable[Future[Outcome]]) -> None:
    for request in requests:
        request.cancel()
