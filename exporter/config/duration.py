"""Durations as people write them: `30s`, `1h30m`, `500ms`, or a number of seconds."""

import math
import re

from exporter.config.words import shown

LONGEST = 36_500 * 86_400.0  # a century: beyond it the clocks and waits of the platform overflow
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_NUMBER = r"[0-9]{1,12}(\.[0-9]{1,12})?"
_IN_UNITS = r"(?=[0-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?"
PATTERN = f"^({_NUMBER}|{_IN_UNITS})$"
_PART = re.compile(r"([0-9]+)(ms|[dhms])")


def parse_duration(text: str) -> float:
    """Return the seconds in `text`: units from the largest down, each at most once, or a bare number of seconds.

    Raises ValueError, with a message for the user, for anything else and for more than a century.
    """
    if re.fullmatch(_NUMBER, text):
        return read_duration(float(text))
    if not re.fullmatch(_IN_UNITS, text):
        raise ValueError(_refusal(text))
    return _within(sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text)) / 1000)


def read_duration(value: object) -> float:
    """Return the seconds that a value of the config tells: a text as in `parse_duration`, or a number of seconds.

    Raises ValueError, with a message for the user.
    """
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(_refusal(value))
    return _within(float(value))


def format_duration(seconds: float) -> str:
    """Return `seconds` in the units of `parse_duration`, to the millisecond: `1h30m`, `0s`."""
    rest = round(seconds * 1000)
    parts = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _within(seconds: float) -> float:
    if seconds > LONGEST:
        raise ValueError(f"expected at most {format_duration(LONGEST)}")
    return seconds


def _refusal(value: object) -> str:
    return f"expected a duration such as 10s, got {shown(value)}"
