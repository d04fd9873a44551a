"""Moments as people give them on a command line. Pure: `now` is a parameter."""

import math
import re
from datetime import datetime

from exporter.config import parse_duration

ACCEPTED = "2026-01-31, 2026-01-31T08:00:00Z, unix seconds, now, or how long ago (7d, 12h30m)"

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?", re.ASCII)
_WRITTEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)
_EARLIEST = 1_262_304_000.0  # 2010-01-01: there is no older alert; what is smaller is no time in seconds


def read_moment(text: str, now: float) -> float:
    """Return the moment that `text` tells, in unix seconds.

    RFC 3339, where the seconds, the time of day and the offset may be left out: without an offset it is local time,
    without a time of day the local midnight. A number is unix seconds; `now`, or a duration with a unit for how long
    ago, is told in whole seconds. Raises ValueError, with a message for the user, for anything else, and for a moment
    before 2010 or after `now`.
    """
    moment = _read(text.strip(), now)
    if moment is None:
        raise ValueError(f"expected {ACCEPTED}; got {text!r}")
    if moment < _EARLIEST:
        raise ValueError(f"{text!r} lies before 2010, and so before any alert")
    if moment > now:
        raise ValueError(f"{text!r} lies in the future")
    return moment


def _read(text: str, now: float) -> float | None:
    if text == "now":
        return float(math.floor(now))
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        if _WRITTEN.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone().timestamp()
        return math.floor(now) - parse_duration(text)
    except (ValueError, OverflowError):
        return None
