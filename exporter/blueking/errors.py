"""The errors of BlueKing: what a refusal, a bad answer or no answer at all is called.

    BlueKingError
    ├── Refused
    │   ├── NotAllowed  our credentials or rights do not suffice: one slow retry for the whole source
    │   └── BadRequest  our request is wrong: do not repeat it unchanged
    ├── TooFast         slow the whole source down, for `retry_after` seconds where it said so
    ├── NoSuchAlert     too new for its index, or older than a year: a few quick tries
    └── Upstream        trouble on the way or behind: back off with jitter
        ├── Unreachable     no connection, or one that broke
        ├── TimedOut        no answer in time
        └── Unreadable      an answer that is none: HTML, cut-off JSON, another shape, too large

A message tells endpoint, HTTP status, code, the server's words and the request id where they are known. It is one line
and holds no secret; neither does the exception's context.
"""

from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """The `reason` of a failed poll, as `bkmonitor_flow_exporter_poll_failures_total` labels it."""

    NOT_ALLOWED = "not_allowed"
    TOO_FAST = "too_fast"
    NO_SUCH_ALERT = "no_such_alert"
    BAD_REQUEST = "bad_request"
    UPSTREAM = "upstream"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    UNREADABLE = "unreadable"


class BlueKingError(Exception):
    """BlueKing gave no answer to work with; always raised as one of the classes below, which have a `reason`."""

    reason: ClassVar[Reason]


class Refused(BlueKingError):
    """The source refuses us or our request.

    `credentials_missing` is true where it complains that nobody said who asks: it may look for that elsewhere.
    """

    def __init__(self, message: str, *, credentials_missing: bool = False) -> None:
        super().__init__(message)
        self.credentials_missing = credentials_missing


class NotAllowed(Refused):
    """The source knows us not, or does not let us."""

    reason = Reason.NOT_ALLOWED


class TooFast(BlueKingError):
    """We ask more often than the source allows; `retry_after` is in seconds, None where it did not say."""

    reason = Reason.TOO_FAST

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoSuchAlert(BlueKingError):
    """The source has no alert of that id, or not yet."""

    reason = Reason.NO_SUCH_ALERT


class BadRequest(Refused):
    """The source cannot serve this request, however often it is repeated."""

    reason = Reason.BAD_REQUEST


class Upstream(BlueKingError):
    """The source, or something between it and us, is in trouble."""

    reason = Reason.UPSTREAM


class Unreachable(Upstream):
    """There was no connection, or it broke before the answer was complete."""

    reason = Reason.UNREACHABLE


class TimedOut(Upstream):
    """The answer was not complete in time."""

    reason = Reason.TIMEOUT


class Unreadable(Upstream):
    """There was an answer that is none of BlueKing's."""

    reason = Reason.UNREADABLE
