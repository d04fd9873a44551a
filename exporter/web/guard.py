"""What stands before every endpoint, health included, as with the exporter-toolkit: a limit, headers, users."""

import base64
import binascii
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from exporter.config import RequestLimit, Secret
from exporter.web.answer import Answer, line
from exporter.web.users import Busy, Passwords
from exporter.web.web_config import WebConfig

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="bkmonitor-flow-exporter", charset="UTF-8"'}


class Guard:
    """A WSGI application that lets a request through to `app` as the web config file has it at that moment."""

    def __init__(self, app: WSGIApplication, config: WebConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._config = config
        self._bucket = _Bucket(clock)
        self._passwords = Passwords()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as WSGI has it."""
        config = self._config.current
        answer = self._refusal(environ, config.basic_auth_users, config.rate_limit) or self._app
        return answer(environ, _with_headers(start_response, config.http_server_config.headers))

    def _refusal(self, environ: WSGIEnvironment, users: Mapping[str, Secret], limit: RequestLimit) -> Answer | None:
        if not self._bucket.admits(limit):
            return _refusal(HTTPStatus.TOO_MANY_REQUESTS)
        if not users:
            return None
        try:
            credentials = _credentials(environ.get("HTTP_AUTHORIZATION", ""))
            if credentials and self._passwords.allow(users, *credentials):
                return None
        except Busy:
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})
        return _refusal(HTTPStatus.UNAUTHORIZED, _CHALLENGE)


class _Bucket:
    """A token bucket that begins full, and anew when the limit changes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limit = RequestLimit()
        self._tokens = 0.0
        self._filled_at = 0.0

    def admits(self, limit: RequestLimit) -> bool:
        if not limit.interval:
            return True
        with self._lock:
            now = self._clock()
            if limit != self._limit:
                self._limit, self._tokens, self._filled_at = limit, float(limit.burst), now
            self._tokens = min(float(limit.burst), self._tokens + (now - self._filled_at) / limit.interval)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


def _credentials(header: str) -> tuple[str, bytes] | None:
    """Return name and password of `Basic base64(name:password)` (RFC 7617), None where the header is no such."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    name, colon, password = decoded.partition(b":")
    return (name.decode(errors="surrogateescape"), password) if colon else None


def _refusal(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Answer:
    return line(f"{status.value} {status.phrase}", status, headers)


def _with_headers(start_response: StartResponse, headers: Mapping[str, str]) -> StartResponse:
    """Return `start_response` with headers added, but for blank ones; the application's own of that name give way."""
    added = {name: value for name, value in headers.items() if value}
    replaced = {name.lower() for name in added}

    def start(status: str, given: list[tuple[str, str]], exc_info: Any = None, /) -> Callable[[bytes], object]:
        kept = [(name, value) for name, value in given if name.lower() not in replaced]
        return start_response(status, [*kept, *added.items()], exc_info)

    return start
