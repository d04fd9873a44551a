"""A TCP proxy in front of a PostgreSQL that breaks a connection at the COMMIT, on this or on that side of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto

_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # a simple query of the protocol, version 3


class Cut(Enum):
    """What becomes of the connection whose COMMIT comes next."""

    NOT = auto()
    BEFORE = auto()
    """It breaks; the server never hears of the commit."""
    AFTER = auto()
    """The server commits; its answer is lost with the connection."""
    UNHEARD = auto()
    """As `BEFORE`, but the server does not notice: its session goes on, and waits."""
    SWALLOWED = auto()
    """Nothing is passed on any more, and neither side is told: both connections stay open."""


class Proxy:
    """Listens at `port`; `next_commit` tells what to do at the COMMIT that comes next, once.

    With `goes_away` it lets nobody in after that; with `is_away`, nobody now. Nor does it while the server is down.
    """

    def __init__(self, server_port: int) -> None:
        self.next_commit = Cut.NOT
        self.goes_away = self.is_away = False
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut_off(self) -> None:
        """Break all connections, and let nobody in until `is_away` is unset."""
        self.is_away = True
        for held in self._sockets:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Break all connections, and listen no more."""
        self.cut_off()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for held in (self._listener, *self._sockets):
            held.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connected()
                if server is None:
                    client.close()
                    continue
                self._sockets += (client, server)
                for target in (self._ask, self._answer):
                    thread = threading.Thread(target=target, args=(client, server))
                    self._threads.append(thread)
                    thread.start()

    def _connected(self) -> socket.socket | None:
        if self.is_away:
            return None
        try:
            return socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:
            return None

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while asked := _received(client):
                if _COMMIT not in asked or self.next_commit is Cut.NOT:
                    server.sendall(asked)
                    continue
                cut, self.next_commit = self.next_commit, Cut.NOT
                self.is_away = self.goes_away
                if cut is Cut.SWALLOWED:
                    while _received(client):
                        pass
                    return
                if cut is Cut.AFTER:
                    client.shutdown(socket.SHUT_WR)  # first: then the answer cannot get through
                    server.sendall(asked)
                    server.shutdown(socket.SHUT_WR)  # the server does what it was asked before it sees the end
                elif cut is Cut.BEFORE:
                    server.shutdown(socket.SHUT_RDWR)
                client.shutdown(socket.SHUT_RDWR)
                return
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while answered := _received(server):
                client.sendall(answered)
            client.shutdown(socket.SHUT_WR)


def _received(told: socket.socket) -> bytes:
    try:
        return told.recv(65536)
    except ConnectionResetError:  # it was killed, and the other side is to hear of its end as well
        return b""


@contextmanager
def proxy_before(server_port: int) -> Iterator[Proxy]:
    """Give a proxy of a server's port, which ends with the block."""
    proxy = Proxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
