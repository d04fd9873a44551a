"""Transport: one HTTP exchange after the other, bounded in time and size, with no surprises from the environment.

The adapter of `requests` is used without a `Session`: a session would read `.netrc` and CA bundles from the
environment, keep cookies, and read the body of a redirect without bounds even where redirects are off.
"""

import logging
import re
import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3 import ProxyManager
from urllib3.exceptions import InsecureRequestWarning

from exporter.blueking.deadline import WATCHED_POOLS, deadline
from exporter.blueking.errors import TimedOut, Unreadable
from exporter.blueking.failures import FOREIGN, Failure, failure
from exporter.blueking.preparing import Preparer
from exporter.config import SourceSettings, TlsSettings

PATIENCE = 3  # times the time-out of a single read: what a whole answer may take
LARGEST_ANSWER = 32 * 1024 * 1024  # bytes, decoded: a hundred thousand rows, where the server merges them to dozens
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer; `headers` ignores case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport:
    """Exchanges requests for replies with one source.

    Thread-safe: between two exchanges there is nothing but urllib3's pools of connections, which are; `concurrency`
    many connections stay open.
    """

    def __init__(self, settings: SourceSettings) -> None:
        # urllib3 logs addresses with their query, at any level; what matters of it comes back as an error of ours.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._settings = settings
        self._adapter = _Adapter(pool_maxsize=settings.rate_limit.concurrency)
        self._preparer = Preparer()
        self._verify, self._cert = _verify(settings.tls), _cert(settings.tls)
        if settings.tls.insecure_skip_verify:
            _accept_unverified(settings)

    def exchange(self, request: requests.Request) -> Reply | Failure:
        """Return the reply to a request, or why there is none; raises nothing that an exchange may run into.

        A failure comes back instead of being raised because an exception of ours would keep the foreign one, with the
        secrets in it, as its context.
        """
        status = None
        with deadline(PATIENCE * self._settings.timeout) as running:
            try:
                with closing(self._send(request)) as response:
                    status = response.status_code
                    if "," in response.headers.get("Content-Encoding", ""):
                        # A thousand bytes, packed three times, unpack to nothing for a minute: no bound would end that.
                        return Failure(status, Unreadable, "the answer is packed more than once")
                    body = _bounded_body(response)
            except FOREIGN as error:
                return self._late(status) if running.passed else failure(error, status)
        # A body that ends with its connection looks complete where it was cut.
        if running.passed:
            return self._late(status)
        if body is None:
            return Failure(status, Unreadable, f"the answer is larger than {LARGEST_ANSWER} bytes")
        return Reply(status, response.headers, body)

    def proxy_secrets(self, url: str) -> tuple[str, ...]:
        """Return the password of the proxy on the way to `url`, as it is sent and as it is written.

        A user without a password is a token, and so the secret itself.
        """
        passwords = [_password(proxy) for proxy in self._proxies(url).values()]
        return tuple(spelling for password in passwords if password for spelling in (password, unquote(password)))

    def close(self) -> None:
        """Close the idle connections; those in use close with their exchange."""
        self._adapter.close()

    def _send(self, request: requests.Request) -> requests.Response:
        return self._adapter.send(
            self._preparer.prepare(request),
            stream=True,
            timeout=self._settings.timeout,
            verify=self._verify,
            cert=self._cert,
            proxies=self._proxies(request.url),
        )

    def _proxies(self, url: str) -> dict[str, str]:
        if self._settings.proxy_url:
            return {"all": self._settings.proxy_url.reveal()}
        return dict(get_environ_proxies(url)) if self._settings.proxy_from_environment else {}

    def _late(self, status: int | None) -> Failure:
        seconds = PATIENCE * self._settings.timeout
        return Failure(status, TimedOut, f"the answer was not complete within {seconds:g} s")


class _Adapter(HTTPAdapter):
    """The adapter of `requests` over connections that a deadline can cut."""

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options)
        self.poolmanager.pool_classes_by_scheme = WATCHED_POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = WATCHED_POOLS
        return manager


def _bounded_body(response: requests.Response) -> bytes | None:
    """Return the decoded body, None where it is too large."""
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > LARGEST_ANSWER:
            return None
    return bytes(body)


def _verify(tls: TlsSettings) -> bool | str:
    if tls.insecure_skip_verify:
        return False
    return str(tls.ca_file) if tls.ca_file else True


def _cert(tls: TlsSettings) -> str | tuple[str, str] | None:
    if not tls.cert_file:
        return None
    return (str(tls.cert_file), str(tls.key_file)) if tls.key_file else str(tls.cert_file)


def _password(proxy: str) -> str | None:
    try:
        parts = urlsplit(proxy)
        return parts.password or parts.username
    except ValueError:
        return None


def _accept_unverified(settings: SourceSettings) -> None:
    """Keep urllib3 from warning at each request to this source's hosts; elsewhere it still would.

    Python knows warning filters for the whole process only, but the warning names the host.
    """
    for address in (settings.url, settings.paths.get_event_log, settings.paths.search_alert):
        host = urlsplit(address).hostname
        if host:
            message = f"Unverified HTTPS request is being made to host '{re.escape(host)}'"
            warnings.filterwarnings("ignore", message, InsecureRequestWarning)
