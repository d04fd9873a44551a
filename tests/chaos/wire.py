"""The wire between an exporter and a simulated BlueKing: it carries, stalls, drips, breaks, or tells something else."""

import selectors
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

_PIECE = 64 * 1024
_LOOKS_EVERY = 0.05  # seconds
_DRIP_EVERY = 0.3  # seconds between two bytes: sooner than a reader's patience for a single one ends

Told = Callable[[], Iterable[bytes]]
"""What is told to whoever asks, whatever that was: all bytes of an answer."""


class Wire:
    """Carries connections to the address of `url`; itself it is at the same `port` as long as it is there."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._target = (target.hostname or "", target.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lines: set[_Line] = set()
        self._told: Told | None = None
        self._is_silent = self._drips = False
        self._changing = threading.Lock()
        self._accept()

    def close(self) -> None:
        """End all connections, and take no more."""
        # A listener that is only closed would still take the connection that its thread waits for.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.cut()

    def cut(self) -> None:
        """Break off what is connected; who comes again is taken."""
        with self._changing:
            lines = tuple(self._lines)
        for line in lines:
            line.cut()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Have nobody there."""
        self.close()
        yield
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accept()

    @contextmanager
    def half_open(self) -> Iterator[None]:
        """Have all connections open and dead: whatever is sent gets lost, and nobody ever says so.

        Those stay dead that were there; new ones work again afterwards.
        """
        with self._changing:
            self._is_silent = True
            for line in self._lines:
                line.is_dead = True
        yield
        self._is_silent = False

    @contextmanager
    def dripping(self) -> Iterator[None]:
        """Have each answer come byte by byte, at a pace that would take hours."""
        self._drips = True
        self.cut()
        yield
        self._drips = False
        self.cut()

    @contextmanager
    def telling(self, told: Told) -> Iterator[None]:
        """Have everybody told this."""
        self._told = told
        self.cut()
        yield
        self._told = None
        self.cut()

    def _accept(self) -> None:
        self._thread = threading.Thread(target=self._serve, args=(self._listener,), name="wire", daemon=True)
        self._thread.start()

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._connected, args=(client,), name="wire-line", daemon=True).start()

    def _connected(self, client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            if self._told is not None:
                _tell(client, self._told)
                return
            with closing(socket.create_connection(self._target)) as server:
                line = _Line(client, server, drips=self._drips)
                with self._changing:
                    line.is_dead = self._is_silent
                    self._lines.add(line)
                line.carry()
                with self._changing:
                    self._lines.discard(line)


class _Line:
    """One connection through the wire; what comes to a dead one gets lost."""

    def __init__(self, client: socket.socket, server: socket.socket, *, drips: bool) -> None:
        self._client = client
        self._server = server
        self._drips = drips
        self._is_cut = threading.Event()
        self.is_dead = False

    def cut(self) -> None:
        """End it, at both sides."""
        self._is_cut.set()

    def carry(self) -> None:
        """Carry what comes until one side closes."""
        with selectors.DefaultSelector() as ready, suppress(OSError):
            ready.register(self._client, selectors.EVENT_READ, self._server)
            ready.register(self._server, selectors.EVENT_READ, self._client)
            while not self._is_cut.is_set():
                for key, _ in ready.select(_LOOKS_EVERY):
                    came = self._client if key.data is self._server else self._server
                    if not (piece := came.recv(_PIECE)):
                        return
                    self._pass_on(piece, key.data)

    def _pass_on(self, piece: bytes, to: socket.socket) -> None:
        if self.is_dead:
            return
        if not self._drips or to is self._server:
            to.sendall(piece)
            return
        for position in range(len(piece)):
            to.sendall(piece[position : position + 1])
            if self._is_cut.wait(_DRIP_EVERY):
                return


def _tell(client: socket.socket, told: Told) -> None:
    """Read the head of a request, and answer as long as somebody reads."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(_PIECE)
        if not piece:
            return
        head += piece
    for piece in told():
        client.sendall(piece)
