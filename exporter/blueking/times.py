"""Times as BlueKing writes them, read as unix seconds."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_APART = 60.0  # seconds by which the clocks of a deployment's servers may differ
_TOO_LATE = 7_258_118_400.0  # the year 2200: what lies beyond is milliseconds, or nonsense


def read_time(value: object, zone: ZoneInfo, born_at: float | None = None) -> float | None:
    """Return a time in unix seconds: `2020-01-01 00:00:00`, ISO 8601 with or without offset, or seconds as such.

    A time without an offset is in `zone`; where clocks were set back and it happened twice, the first of the two,
    unless that lies before `born_at` (unix seconds), when what it tells of came to be. None for what is no time between
    the years 1970 and 2199.
    """
    text = value.strip() if isinstance(value, str) else ""
    return _plausible(_written(text, zone, born_at)) if _WRITTEN.fullmatch(text) else read_seconds(value)


def read_seconds(value: object) -> float | None:
    """Return a time that is given in unix seconds, as a number or its digits.

    None for what is no time between the years 1970 and 2199.
    """
    if type(value) is int:  # what nearly all are: this is done for every row of every search
        return float(value) if 0 <= value < _TOO_LATE else None
    if isinstance(value, str):
        text = value.strip()
        return _plausible(float(text)) if _SECONDS.fullmatch(text) else None
    return _plausible(value) if isinstance(value, float) else None


def _written(text: str, zone: ZoneInfo, born_at: float | None) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            return moment.timestamp()
        first = moment.replace(tzinfo=zone).timestamp()
        if born_at is None or first >= born_at - _APART:
            return first
        second = moment.replace(tzinfo=zone, fold=1).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(first, second)  # an hour that clocks skip has a second reading, too: an earlier one


def _plausible(seconds: float | None) -> float | None:
    return None if seconds is None or not 0 <= seconds < _TOO_LATE else float(seconds)
