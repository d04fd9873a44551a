"""The simulated BlueKing as a server: sockets, threads, start and stop."""

import time
from collections.abc import Callable, Iterable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from cheroot import wsgi

from exporter.simulator.app import make_app
from exporter.simulator.lives import Life
from exporter.simulator.settings import SimulatorSettings
from exporter.simulator.world import World

_THREADS = 16
_CONNECTIONS = 1000
_STOP_WITHIN = 0.05


class Simulator:
    """A real HTTP server for one world; `now` is its clock, in unix seconds. Port 0 takes any free one.

    It can be started once. `world` is what it serves: lives drawn from the settings, or those given.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], float] = time.time,
        lives: Iterable[Life] | None = None,
    ) -> None:
        self.world = World(settings, lives)
        self._stopping = Event()
        self._server = wsgi.Server(
            (host, port),
            make_app(self.world, now, self._stopping),
            numthreads=_THREADS,
            request_queue_size=128,
            timeout=60,
        )
        self._server.keep_alive_conn_limit = _CONNECTIONS
        self._server.expiration_interval = _STOP_WITHIN
        self._thread = Thread(target=self._server.serve, name="simulator", daemon=True)

    @property
    def url(self) -> str:
        """The base URL without a trailing slash; its port is known once the server has started."""
        host, port = self._server.bind_addr
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Bind and serve in threads; raises OSError where the address cannot be bound."""
        self._server.prepare()
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, wait for the threads, close the sockets; answers slow on purpose wait no longer."""
        self._stopping.set()
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
