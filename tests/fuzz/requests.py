"""Requests of whoever reaches the port: to every endpoint, with and without users before it.

An input is the head of a request: its first line, and its headers.
"""

import atexit
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from exporter.web import Front, Scrapes, WebConfig
from exporter.web.config_page import add_config_page
from exporter.web.guard import Guard
from exporter.web.reload import add_reload
from tests.metrics.moments import make_moment
from tests.web.authority import hashed, write_web_file
from tests.web.site import application, publisher_of

_MOST_HEADERS = 20
_SECURITY = {"content-security-policy", "x-content-type-options", "referrer-policy"}


def run(inputs: bytes) -> None:
    """Answer a request: no error of ours, the headers that harden a page, and nothing at all without a password."""
    if not inputs.partition(b"\n")[0].isascii():
        return  # the server's answer is 400, test_fuzz_server.py has that
    environ = _environ(inputs)
    status, headers, _ = _answered(_open(), dict(environ))
    assert status < 500, status
    assert headers >= _SECURITY
    status, _, body = _answered(_guarded(), dict(environ))
    assert (status, body) == (401, b"" if environ["REQUEST_METHOD"] == "HEAD" else b"401 Unauthorized\n")


def _environ(inputs: bytes) -> WSGIEnvironment:
    """Return a request as the server hands it on: it lets no line end within a line, and decodes the path."""
    first, *headers = inputs.replace(b"\r", b"").decode("latin-1").split("\n")
    method, _, target = first.partition(" ")
    path, _, query = target.partition("?")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": method if method.isalpha() and method.isascii() else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "10845",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
    }
    for line in headers[:_MOST_HEADERS]:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value.strip()
    return environ


def _answered(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[int, set[str], bytes]:
    """Return status, names of headers and body of an answer."""
    told: list[tuple[int, set[str]]] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> object:
        del exc_info
        told.append((int(status.split()[0]), {name.lower() for name, _ in headers}))
        return lambda _: None

    pieces: Iterable[bytes] = app(environ, start)  # type: ignore[arg-type] # `write` is used by nobody
    try:
        body = b"".join(pieces)
    finally:
        getattr(pieces, "close", lambda: None)()
    return (*told[0], body)


@cache
def _open() -> WSGIApplication:
    """Return the application with all its endpoints; what it raises comes to us."""
    moment = make_moment()
    app = application(moment, alert_url="https://bk.test/{alert_id}")
    add_config_page(app, lambda: "sources: []\n")
    add_reload(app, lambda: "")
    app.testing = True
    return Front("/metrics", Scrapes(publisher_of(moment)), lambda: app.wsgi_app)


@cache
def _guarded() -> WSGIApplication:
    """Return the same behind a user whose password no input has."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Guard(_open(), WebConfig(write_web_file(Path(folder.name), basic_auth_users={"alice": hashed()})))
