"""The HTTP server: on an address that is known once it listens, with TLS and users where there is a web config file."""

import socket
import threading
from concurrent.futures import Future
from wsgiref.types import WSGIApplication

from exporter.web.connections import HttpServer
from exporter.web.guard import Guard
from exporter.web.web_config import WebConfig

_STOP_WITHIN = 3.0


class ListenError(Exception):
    """The address cannot be listened on; the message says which and why."""


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `:port` (every interface) or `[v6]:port`. Raises `ValueError`."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"expected an address such as :10845 or 127.0.0.1:10845, got {address!r}")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError(f"expected an IPv6 address in brackets, such as [::1]:10845, got {address!r}")
    return host or ("::" if socket.has_dualstack_ipv6() else "0.0.0.0"), int(port)  # noqa: S104 - what :port asks for


class Server:
    """Serves an application from threads of its own, from the moment it is made until `stop`.

    With a `config` it does so to whom that says, and over TLS where it has a certificate. Raises `ListenError`.
    """

    def __init__(self, app: WSGIApplication, host: str, port: int, config: WebConfig | None = None) -> None:
        self._scheme = config.scheme if config else "http"
        self._server = HttpServer(
            (host, port),
            Guard(app, config) if config else app,
            tls=lambda: config.current.tls_server_config if config else None,
        )
        self._prepared: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()
        try:
            self._prepared.result()
        except OSError as error:
            raise ListenError(f"cannot listen on {host}:{port}: {error}") from None

    @property
    def port(self) -> int:
        """The port that it listens on, also where 0 was asked for."""
        return int(self._server.bind_addr[1])

    @property
    def url(self) -> str:
        """An address that a browser on this machine can open."""
        host = str(self._server.bind_addr[0])
        if host in {"::", "0.0.0.0"}:  # noqa: S104 - compared, not bound
            host = "localhost"
        return f"{self._scheme}://[{host}]:{self.port}" if ":" in host else f"{self._scheme}://{host}:{self.port}"

    def stop(self) -> None:
        """Stop listening, and end the threads; those that slow clients hold end with the process."""
        stopping = threading.Thread(target=self._server.stop, name="web-stop", daemon=True)
        stopping.start()
        stopping.join(_STOP_WITHIN)

    def _run(self) -> None:
        # Threads that this daemon thread makes are daemons as well: no client can hold up the end of the process.
        try:
            self._server.prepare()
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            self._prepared.set_exception(error)
            return
        self._prepared.set_result(None)
        self._server.serve()
