"""Times as BlueKing writes them, read as unix seconds."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_TOO_LATE = 7_258_118_400.0  # the year 2200: what lies beyond is milliseconds, or nonsense


def read_time(value: object, zone: ZoneInfo) -> float | None:
    """Return a time in unix seconds: `2020-01-01 00:00:00`, ISO 8601 with or without offset, or seconds as such.

    A time without an offset is in `zone`; where clocks were set back and it happened twice, the first of the two. None
    for what is no time between the years 1970 and 2199.
    """
    seconds = _seconds(value.strip(), zone) if isinstance(value, str) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return float(seconds) if 0 <= seconds < _TOO_LATE else None


def _seconds(text: str, zone: ZoneInfo) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text)
    return _written(text, zone) if _WRITTEN.fullmatch(text) else None


def _written(text: str, zone: ZoneInfo) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        return None
