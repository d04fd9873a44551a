"""The plot: when alerts are created, and how each of them lives, drawn from seeded generators."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from random import Random

from exporter.simulator.acts import Stage, acts
from exporter.simulator.cast import PEOPLE, STRATEGIES, Person
from exporter.simulator.chance import seeded
from exporter.simulator.lives import ENDS_AS, Alert, Life
from exporter.simulator.rows import Row
from exporter.simulator.settings import Dialect, SimulatorSettings

_MEDIAN_OPEN = 2400.0
_SHORTEST_OPEN, _LONGEST_OPEN = 120.0, 86_400.0
# Some of those who would acknowledge find the alert ended: about 30 % of all are never acknowledged.
_WOULD_ACK = 0.78
_RACE = 0.03

# How a life ends, by dialect, in per cent; the empty one never ends.
_ENDINGS: dict[Dialect, dict[str, int]] = {
    "documented": {"RECOVER": 76, "CLOSE": 12, "SYSTEM_RECOVER": 4, "SYSTEM_CLOSE": 4, "": 4},
    "today": {"RECOVER": 78, "CLOSE": 13, "ALERT_QOS": 5, "": 4},
}


def lives(settings: SimulatorSettings) -> Iterator[Life]:
    """Yield every life in the order of creation; the same settings yield the same lives."""
    for number, created_at in enumerate(_creations(settings)):
        yield _life(settings, number, created_at)


def _creations(settings: SimulatorSettings) -> Iterator[int]:
    if settings.alerts_per_hour == 0:
        return
    rng = seeded(settings.seed, "creations")
    moment = settings.epoch - settings.history
    while True:
        moment += rng.expovariate(settings.alerts_per_hour / 3600)
        created_at = math.ceil(moment)
        if created_at > settings.epoch + settings.duration:
            return
        yield created_at


def _life(settings: SimulatorSettings, number: int, created_at: int) -> Life:
    rng = seeded(settings.seed, f"life/{number}")
    alert = _alert(rng, settings, number, created_at)
    endings = _ENDINGS[settings.dialect]
    ending = rng.choices(list(endings), list(endings.values()))[0]
    open_for = min(max(rng.lognormvariate(math.log(_MEDIAN_OPEN), 1.0), _SHORTEST_OPEN), _LONGEST_OPEN)
    stage = Stage(settings.dialect, settings.speed, created_at, open_for, ending)
    ended = ending in ENDS_AS
    acked_at, people = _ack(rng, stage, ended=ended)
    return Life(
        alert=alert,
        rows=_fated(acts(rng, stage, acked_at, people), settings, number),
        quiet_at=stage.quiet_at,
        acked_at=acked_at,
        ended_at=stage.quiet_at if ended else None,
        ended_as=ENDS_AS.get(ending),
    )


def _alert(rng: Random, settings: SimulatorSettings, number: int, created_at: int) -> Alert:
    strategy = rng.choice(STRATEGIES)
    return Alert(
        id=f"{created_at:010d}{_sequence(rng, number)}",
        team=strategy.team,
        created_at=created_at,
        begun_at=created_at - 1 - int(rng.uniform(30, 300) / settings.speed),
        alert_name=strategy.alert_name,
        severity=rng.choices((1, 2, 3), (20, 50, 30))[0],
        bk_biz_id=strategy.bk_biz_id,
        strategy_id=strategy.id,
        strategy_name=strategy.name,
        is_shielded=rng.random() < 0.06,
        category=strategy.category,
        ip=f"192.0.2.{rng.randint(1, 254)}",
        assignee=rng.choice(PEOPLE).name,
    )


def _sequence(rng: Random, number: int) -> int:
    """Return 5 to 7 digits that differ from those of any other alert created in the same second."""
    floor: int = 10 ** rng.randint(4, 6)
    return floor + number % (9 * floor)


def _ack(rng: Random, stage: Stage, *, ended: bool) -> tuple[int | None, list[Person]]:
    """Return when the alert is acknowledged and by whom: nobody, one person, or two who race."""
    first, second = rng.sample(PEOPLE, 2)
    would, races = rng.random() < _WOULD_ACK, rng.random() < _RACE
    at = stage.second(rng.lognormvariate(math.log(first.median_ack), 0.8))
    if not would or (ended and at >= stage.quiet_at):
        return None, []
    return at, [first, second] if races else [first]


def _fated(rows: list[Row], settings: SimulatorSettings, number: int) -> tuple[Row, ...]:
    """Drop the rows that are lost and delay those that are late.

    Rows of one operate in one second were written in one bulk and share its fate. The generator is apart from
    that of the life, so that the life stays the same whatever the faults are.
    """
    faults = settings.faults
    rng = seeded(settings.seed, f"fate/{number}")
    fated: list[Row] = []
    for _, group in groupby(sorted(rows, key=_bulk), key=_bulk):
        bulk = list(group)
        lost, late = rng.random() < faults.lost_rows, rng.random() < faults.late_rows
        if late:
            bulk = [replace(row, delay=faults.late_seconds) for row in bulk]
        if not lost:
            fated += bulk
    return tuple(fated)


def _bulk(row: Row) -> tuple[int, str]:
    return row.at, row.operate
