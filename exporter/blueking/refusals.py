"""Refusals: which error an answer means that does not say yes (api.md, "When it says no")."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from exporter.blueking.errors import (
    BadRequest,
    BlueKingError,
    NoSuchAlert,
    NotAllowed,
    Refused,
    TimedOut,
    TooFast,
    Upstream,
)
from exporter.blueking.head import Head

_BY_CODE: Mapping[int, type[BlueKingError]] = {
    3324002: NoSuchAlert,
    400: BadRequest,
    1306404: BadRequest,
    1306406: BadRequest,
    1640401: BadRequest,
    3300002: BadRequest,
    3324003: BadRequest,
    1306402: NotAllowed,
    1306403: NotAllowed,
    1640001: NotAllowed,
    9900403: NotAllowed,
    1306429: TooFast,
}
_BY_FIRST_FIVE_OF_SEVEN: Mapping[int, type[BlueKingError]] = {
    16401: NotAllowed,
    16403: NotAllowed,
    16413: BadRequest,
    16414: BadRequest,
    16429: TooFast,
}
_BY_STATUS: Mapping[int, type[BlueKingError]] = {
    401: NotAllowed,
    403: NotAllowed,
    408: TimedOut,
    429: TooFast,
}
_ESB_COMMON_ERROR = 1306000
_GATEWAY = 164  # how the seven digits of a gateway's own codes begin
# ESBs word it as "APP Code [bk_app_code] cannot be empty", or "please provide a valid user identity, such as bk_token".
_CREDENTIAL = re.compile(
    "app[ _]?code|app[ _]?secret|bk_token|bk_ticket|bk_username|access_token|user identity|用户身份", re.IGNORECASE
)
_ABSENT = re.compile(
    r"\b(cannot|must not|may not) be (empty|blank|null)\b|\b(is|are) (required|missing|empty)\b|\bplease provide\b"
    r"|\bnot provided\b|不能为空|必填|缺少|请提供|未提供",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)
_LONGEST_WAIT = 3600.0  # seconds; a source that asks for more is asked once an hour all the same


@dataclass(frozen=True, slots=True)
class Said:
    """What a refusal says of itself: `code` as it came, number or text, and None or empty where it did not say."""

    code: object = None
    message: str = ""
    request_id: object = None


def refusal(head: Head, said: Said) -> BlueKingError:
    """Return the error that an answer means which does not say yes.

    A code with a meaning of its own goes before the HTTP status: gateways rewrite the status, not the code. What
    neither of them tells is trouble upstream.
    """
    meaning = _of_code(said) or _of_status(head.status)
    message = head.message(_words(head, said), code=said.code, request_id=said.request_id)
    if meaning is TooFast:
        return TooFast(message, _retry_after(head))
    if issubclass(meaning, Refused):
        return meaning(message, credentials_missing=_misses_credentials(said))
    return meaning(message)


def redirect(head: Head) -> BlueKingError:
    """Return the error that a redirect means, which is never followed: it would carry the secrets elsewhere.

    To a login page: NotAllowed, for so BlueKing's web front answers those whom it does not know. Elsewhere: BadRequest,
    because the configured address is not the right one. Nowhere: Upstream.
    """
    location = head.headers.get("Location", "")
    if not location:
        return Upstream(head.message("redirected nowhere"))
    place = _place(location)
    if "login" in place.lower():
        return NotAllowed(head.message(f"redirected to a login page, {place}"))
    return BadRequest(head.message(f"redirected to {place}; are url and paths.{head.endpoint} right?"))


def whole_number(value: object) -> int | None:
    """Return a number or digit text as the whole number it is, None where it is none."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value.strip()) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _of_code(said: Said) -> type[BlueKingError] | None:
    code = whole_number(said.code)
    if code is None:
        return None
    if code == _ESB_COMMON_ERROR:
        return NotAllowed if "auth" in said.message.lower() or _misses_credentials(said) else None
    return _BY_CODE.get(code) or _BY_FIRST_FIVE_OF_SEVEN.get(code // 100)


def _of_status(status: int | None) -> type[BlueKingError]:
    if status is None:
        return Upstream
    return _BY_STATUS.get(status) or (BadRequest if 400 <= status < 500 else Upstream)


def _misses_credentials(said: Said) -> bool:
    """Whether it says that nobody said who asks; a gateway that says so of a header has read it (api.md)."""
    if (whole_number(said.code) or 0) // 10_000 == _GATEWAY:
        return False
    return bool(_CREDENTIAL.search(said.message) and _ABSENT.search(said.message))


def _words(head: Head, said: Said) -> str:
    words = said.message or "refused without a word"
    if head.status == 404 and _of_code(said) is None:
        return f"is paths.{head.endpoint} right? {words}"
    return words


def _retry_after(head: Head) -> float | None:
    for wait in (
        _seconds(head.headers.get("X-Bkapi-RateLimit-Reset")),
        _seconds(head.headers.get("Retry-After")),
        _until(head.headers.get("Retry-After"), head.received_at),
    ):
        if wait is not None:
            return min(max(0.0, wait), _LONGEST_WAIT)
    return None


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(date: str | None, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp() - now
    except (ValueError, OverflowError):
        return None


def _place(location: str) -> str:
    """Return where `location` leads to without what may be secret in it: user, query and fragment."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an unreadable place"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path
