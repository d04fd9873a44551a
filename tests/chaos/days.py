"""The days of a chaos: lives that begin and end within seconds, and between them hours in which nothing happens."""

from collections.abc import Iterator
from dataclasses import replace

from exporter.simulator import Dialect, Life, Row, SimulatorSettings
from exporter.simulator.plot import lives

LIVE = 9
"""Seconds of a day in which something happens."""

_SPEED = 150.0
_ALERTS_PER_HOUR = 12_000.0
_LATEST_BIRTH = 6.0  # seconds into the day
_ONE_IN = 8  # of the alerts that are open at the end of a day, one in so many stays so


def lives_of_a_day(seed: int, dialect: Dialect, begins_at: float) -> Iterator[Life]:
    """Yield what happens in the day that begins at `begins_at` (whole unix seconds); afterwards nothing changes."""
    settings = SimulatorSettings(
        seed=seed,
        dialect=dialect,
        epoch=begins_at,
        history=0,
        duration=_LATEST_BIRTH,
        alerts_per_hour=_ALERTS_PER_HOUR,
        speed=_SPEED,
    )
    for number, life in enumerate(lives(settings)):
        yield _ended_by(life, int(begins_at) + LIVE, stays_open=number % _ONE_IN == 0)


def _ended_by(life: Life, end: int, *, stays_open: bool) -> Life:
    """Return a life of which nothing comes after `end`: then it recovers, if it was open and does not stay so."""
    shown = tuple(row for row in life.rows if row.at <= end)
    acked_at = life.acked_at if life.acked_at is not None and life.acked_at <= end else None
    known = replace(life, rows=shown, acked_at=acked_at, quiet_at=min(life.quiet_at, end))
    if life.ended(end):
        return known
    if stays_open:
        return replace(known, ended_at=None, ended_as=None)
    return replace(known, rows=(*shown, Row(end, "RECOVER")), ended_at=end, ended_as="RECOVERED")
