"""Cheroot's server with connections that make their TLS handshake in a thread of their own, and can be broken off."""

import errno
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from wsgiref.types import WSGIApplication

import structlog
from cheroot.makefile import MakeFile, StreamWriter
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Server as CherootServer

from exporter.config import ServerTls
from exporter.web.threads import Threads
from exporter.web.tls import shake_hands, wrap

_QUIET_FOR = 5.0  # seconds between two words of a client that has something to say
_IDLE_FOR = 65  # seconds between two requests: more than the usual intervals of scrapes
_MOST_IDLE = 128
_BACKLOG = 512  # connections of one moment that wait to be accepted
_PIECE = 64 * 1024
_LARGEST = 16 * 1024  # bytes of a request's head, and of its body
_SHUTDOWN_TIMEOUT = 1
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE = 0.2  # seconds, where the system has nothing left: whoever waits to be accepted would wake us again at once
_SAID_EVERY = 60.0  # seconds

log = structlog.get_logger()


class PiecewiseWriter(StreamWriter):
    """Writes in pieces: what TLS is given at once must be gone within one time-out, and cheroot copies it twice."""

    def write(self, val: bytes, *_args: Any, **_kwargs: Any) -> int:  # type: ignore[override]
        """Write all of `val`; return how many bytes that is."""
        for start in range(0, len(val), _PIECE):
            super().write(val[start : start + _PIECE])  # type: ignore[no-untyped-call]
        return len(val)


class Request(HTTPRequest):
    """A request that says when its head is complete."""

    def read_request_line(self) -> bool:
        """Read the first line; tell whether it can be read. An address that is none is the client's fault, not ours."""
        try:
            return bool(super().read_request_line())  # type: ignore[no-untyped-call]
        except ValueError:
            self.simple_response("400 Bad Request", "Malformed Request-URI")
            return False

    def respond(self) -> None:
        """Answer; from here on the time is that of an answer."""
        self.server.requests.answering(self.conn)
        super().respond()


class Connection(HTTPConnection):
    """One client's connection."""

    RequestHandlerClass = Request
    remote_addr: str | None

    def __init__(self, server: "HttpServer", sock: socket.socket, makefile: Callable[..., Any] = MakeFile) -> None:
        super().__init__(server, sock, makefile)
        self.wfile = PiecewiseWriter(sock, "wb")
        self._gave_up = threading.Event()
        self._tls = server.tls
        self._has_begun = False

    def communicate(self) -> bool:
        """Read a request and answer it; tell whether the connection may go on."""
        self.socket.settimeout(_QUIET_FOR)
        if not self._has_begun and not self._begin():
            return False
        return bool(super().communicate())  # type: ignore[no-untyped-call]

    def give_up(self) -> None:
        """Break the connection off; a thread that reads or writes finds it at its end."""
        self._gave_up.set()
        # Not SSLSocket's own method, which would change the socket under the hands of that thread.
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def _begin(self) -> bool:
        """Agree on TLS where it is spoken; tell whether a request may follow."""
        self._has_begun = True
        tls = self._tls()
        if tls is None:
            return True
        try:
            self.socket = wrap(self.socket, tls)
            if self._gave_up.is_set():
                return False
            shake_hands(self.socket, tls)
        except OSError as error:
            log.debug("no TLS with a client", client=self.remote_addr, error=str(error))
            return False
        self.rfile, self.wfile = MakeFile(self.socket, "rb"), PiecewiseWriter(self.socket, "wb")
        self.ssl_env = {"wsgi.url_scheme": "https", "HTTPS": "on"}
        return True


class HttpServer(CherootServer):
    """Cheroot's server with our threads and connections; `tls` returns the TLS of a new connection, None for none."""

    ConnectionClass = Connection

    def __init__(self, address: tuple[str, int], app: WSGIApplication, tls: Callable[[], ServerTls | None]) -> None:
        super().__init__(address, app, request_queue_size=_BACKLOG, timeout=_IDLE_FOR)
        self.tls = tls
        self.requests = Threads(self.put_conn)
        self.shutdown_timeout = _SHUTDOWN_TIMEOUT
        self.keep_alive_conn_limit = _MOST_IDLE
        self.max_request_header_size = _LARGEST
        self.max_request_body_size = _LARGEST
        self._said_at = -_SAID_EVERY

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Say in our log what is wrong with the server; what goes wrong with a client is for those who debug."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            self._pause(error)
            return
        of_client = level < logging.ERROR and isinstance(error, OSError)
        say = log.debug if level < logging.WARNING or of_client else log.warning
        say("web server", message=msg.strip(), exc_info=traceback)

    def _pause(self, error: OSError) -> None:
        """Wait for what the system has none of, and say so now and then."""
        if time.monotonic() - self._said_at >= _SAID_EVERY:
            self._said_at = time.monotonic()
            log.warning("web server takes no connections for want of resources", error=error.strerror)
        time.sleep(_PAUSE)
