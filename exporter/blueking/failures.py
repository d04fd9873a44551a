"""Failures: foreign exceptions of an exchange translated into our words, none of theirs.

Their texts are never used: they carry the address with its query, and so our secrets.
"""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass

import requests
import urllib3.exceptions

from exporter.blueking.errors import BadRequest, BlueKingError, TimedOut, Unreachable, Unreadable

FOREIGN = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)

_OURS_TO_MEND = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    UnicodeError,
)
# Not urllib3's TimeoutError: a refused connection is one, to it.
_NO_TIME = (requests.Timeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)
_NO_CONNECTION = (ConnectionError, requests.exceptions.ProxyError)
_NO_ANSWER = (http.client.HTTPException, urllib3.exceptions.DecodeError)


@dataclass(frozen=True, slots=True)
class Failure:
    """An exchange without a complete answer: which error that means, and why.

    `status` is that of an answer that began, None where there was none.
    """

    status: int | None
    meaning: type[BlueKingError]
    why: str


def failure(error: BaseException, status: int | None) -> Failure:
    """Return what a foreign exception means; `status` is that of an answer that began."""
    causes = tuple(_causes(error))
    if type(error) is OSError:  # so bare from requests alone, before it connects
        return Failure(status, Unreachable, "a certificate or key under tls is not there any more")
    if _any(causes, _NO_TIME):
        return Failure(status, TimedOut, "no answer in time")
    system = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    if not system and not _any(causes, _NO_CONNECTION):
        if _any(causes, _NO_ANSWER):
            return Failure(status, Unreadable, "the answer is cut off or not HTTP")
        if _any(causes, _OURS_TO_MEND):
            return Failure(status, BadRequest, "cannot be sent; are url, headers, tls and proxy_url right?")
    by = "by way of the proxy: " if _any(causes, (requests.exceptions.ProxyError,)) else ""
    return Failure(status, Unreachable, f"{by}{system or 'no connection, or it was closed without an answer'}")


def _any(causes: tuple[BaseException, ...], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all those that it wraps, each once, the outermost first."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
