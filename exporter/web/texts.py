"""Times and spans in words, as pages show them; static/live.js says them in the same words."""

from collections.abc import Iterator
from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def utc(at: float | None) -> str:
    """Return unix seconds as a time in UTC."""
    return "—" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: float | None) -> str:
    """Return unix seconds as HTML's `datetime` takes them."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(seconds: float) -> str:
    """Return a duration in its two largest units: `42s`, `3m 12s`, `2h 5m`; a negative one counts as none."""
    return " ".join(_parts(max(0, int(seconds)))) or "0s"


def _parts(seconds: int) -> Iterator[str]:
    for index, (size, unit) in enumerate(_UNITS):
        count, rest = divmod(seconds, size)
        if count:
            yield f"{count}{unit}"
            if index + 1 < len(_UNITS):
                below, below_unit = _UNITS[index + 1]
                if rest // below:
                    yield f"{rest // below}{below_unit}"
            return


def ago(at: float | None, now: float) -> str:
    """Return how long ago something was."""
    return "never" if at is None else f"{span(now - at)} ago"


def ahead(at: float | None, now: float) -> str:
    """Return how far ahead something lies; what is due already is due now."""
    if at is None:
        return "—"
    return f"in {span(at - now)}" if at - now >= 1 else "now"


def grouped(number: float) -> str:
    """Return a whole number with its thousands apart: `12,345`."""
    return f"{round(number):,}"
