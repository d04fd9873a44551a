"""A real HTTP server on 127.0.0.1 that answers as a test tells it to, badly too, and remembers what it was asked."""

import json
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TLS = Path(__file__).parent / "tls"
CREATE = {"operate": "CREATE", "status": "SUCCESS", "create_time": "2020-01-01 00:00:00", "extend_info": ""}
ONE_RECORD = {"result": True, "code": 200, "message": "ok", "data": [CREATE]}
ONE_ALERT = ONE_RECORD | {"data": {"alerts": [{"id": "168387970514723", "status": "ABNORMAL"}], "total": 1}}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the server got; `target` is its path and query as they came, and so is `body`."""

    target: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters: those of the query string of a GET, those of the JSON body of a POST."""
        if self.method == "POST":
            return dict(json.loads(self.body))
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def words(self) -> str:
        """All that the client wrote; parameters come first and sorted, so that the credentials lead among them."""
        return f"{json.dumps(self.params, sort_keys=True)} {self.target} {dict(self.headers)} {self.body.decode()}"


@dataclass(slots=True)
class Exchange:
    """What an answer works with: the request, the way back, and the event that the test is over."""

    asked: Asked
    handler: BaseHTTPRequestHandler
    over: Event

    def send(self, *pieces: bytes) -> None:
        """Send bytes as they are, the head of the answer included."""
        for piece in pieces:
            self.handler.wfile.write(piece)
        self.handler.wfile.flush()

    def drip(self, text: bytes) -> None:
        """Send a byte every now and then until the client goes or the test is over."""
        for octet in text:
            if self.over.wait(0.02):
                return
            self.send(bytes([octet]))

    def reset(self) -> None:
        """Break the connection so that the client gets a reset and not an end."""
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.handler.connection.detach())


Answer = Callable[[Exchange], None]


def says(answer: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer of JSON, or of bytes as they are."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    lines = {"Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return lambda exchange: exchange.send(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode(), body)


def good(asked: Asked) -> dict[str, Any]:
    """Return a good answer to whatever was asked."""
    return ONE_ALERT if asked.method == "POST" else ONE_RECORD


def hangs(exchange: Exchange) -> None:
    """Take the request and stay silent."""
    exchange.over.wait(10)


@dataclass(slots=True)
class Loopback:
    """A running server: its address, what it was asked so far, and how many connections it took for that."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing the server waits for them, and none outlives its test

    def __init__(self, handler: type[BaseHTTPRequestHandler], connections: list[socket.socket]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._connections = connections

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        for connection in self._connections:
            with suppress(OSError):  # most are closed already
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the client of these tests often goes in the middle of an answer."""


@contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Serve `answer` to every request until the context ends."""
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.path, dict(self.headers), self.command, body)
            loopback.asked.append(asked)
            answer(Exchange(asked, self, over))

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
            """Say nothing."""

    loopback = Loopback()
    with _Server(Handler, loopback.connections) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        loopback.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield loopback
        finally:
            over.set()
            server.shutdown()
            thread.join()


def server_tls(*, asks_for_certificate: bool = False) -> ssl.SSLContext:
    """Return a TLS server's side with the certificate of the test authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem")
    if asks_for_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(TLS / "ca.pem")
    return context


def closed_port() -> str:
    """Return the address of a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
