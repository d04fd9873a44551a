"""A campaign: days planned from a seed, each with a fault, lived through one after the other."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import requests

from tests.chaos import faults_ledger, faults_process, faults_upstream
from tests.chaos.days import LIVE, lives_of_a_day
from tests.chaos.fault import Fault
from tests.chaos.faults_process import SPRING, ZONES
from tests.chaos.promises import LEAPT, expect_right, expect_told, expect_well
from tests.chaos.stage import Breach, Stage, last
from tests.chaos.upstream import Upstream

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (*faults_upstream.FAULTS, *faults_process.FAULTS, *faults_ledger.FAULTS)
}
"""All there are, by name."""

DAY = LEAPT + 1000
"""Seconds from one day to the next."""

_STRIKES_AFTER = (2.0, 4.0)  # seconds into a day
_LASTS = (2.0, 3.5)


@dataclass(frozen=True, slots=True)
class Day:
    """What happens in a day that begins at `begins_at`: a fault strikes so many seconds into it, and lasts so long."""

    number: int
    begins_at: float
    fault: Fault
    strikes_after: float
    lasts: float
    seed: int


def plan(seed: int, faults: Sequence[Fault], days: int) -> list[Day]:
    """Return the days of a seed: each of the faults once, in any order, and again, until there are so many."""
    chance = Random(f"{seed}/plan")
    chosen: list[Fault] = []
    while len(chosen) < days:
        chosen += _in_order_of_change(chance.sample(faults, len(faults)))
    chosen = chosen[:days]
    return [
        Day(
            number,
            begins_at,
            fault,
            chance.uniform(*_STRIKES_AFTER),
            chance.uniform(*_LASTS),
            chance.getrandbits(32),
        )
        for number, (fault, begins_at) in enumerate(zip(chosen, _beginnings(chosen), strict=True))
    ]


def _in_order_of_change(faults: list[Fault]) -> list[Fault]:
    """Return the faults with those that have a moment of their own in the order of these."""
    changes = iter(sorted((f for f in faults if f.change_at is not None), key=lambda f: f.change_at or 0.0))
    return [fault if fault.change_at is None else next(changes) for fault in faults]


def _beginnings(faults: Sequence[Fault]) -> Iterator[float]:
    """Yield when days begin: at an even pace, but for those that have a moment of their own."""
    days_before = next((i for i, fault in enumerate(faults) if fault.change_at is not None), 0)
    begins_at = SPRING - LIVE // 2 - days_before * DAY
    for fault in faults:
        if fault.change_at is not None:
            begins_at = max(begins_at, fault.change_at - LIVE // 2)
        yield begins_at
        begins_at += DAY


def run(days: Sequence[Day], folder: Path, tell: Callable[[str], None]) -> None:
    """Live through days, and `tell` of each. Raises `Breach` at the first promise that does not hold."""
    lives = {
        name: [
            life
            for day in days
            for life in lives_of_a_day(day.seed, Upstream.dialect(is_searched=name == "searched"), day.begins_at)
        ]
        for name in ZONES
    }
    stage = Stage(folder, days[0].begins_at, lives, ZONES)
    with stage.running():
        for day in days:
            _live_through(stage, day, tell)
    tell(f"{len(days)} days, {stage.scraper.scrapes} scrapes: all promises held")


def _live_through(stage: Stage, day: Day, tell: Callable[[str], None]) -> None:
    when = f"{time.strftime('%m-%d %H:%M:%S', time.gmtime(day.begins_at + day.strikes_after))}Z"
    head = f"{day.number:3} {when} {day.fault.name:26} {day.lasts:.1f} s"
    try:
        tell(f"{head}; {_lived(stage, day)}")
    except (AssertionError, requests.RequestException) as error:
        ended = "" if stage.exporter.is_alive else f"\nthe exporter has ended:\n{last(stage.log())}"
        raise Breach(f"{head}: {error}{ended}") from error


def _lived(stage: Stage, day: Day) -> str:
    """Return how a day went."""
    stage.leap_to(day.begins_at)
    stage.begin_day()
    stage.pass_until(day.begins_at + day.strikes_after)
    with day.fault.strike(stage, Random(day.seed)):
        stage.pass_until(stage.now() + day.lasts)
    stage.pass_until(day.begins_at + LIVE + 1)
    leapt = expect_right(stage, day.fault.may_differ, may_lack=day.fault.may_lack)
    expect_well(stage)
    if day.fault.tells:
        expect_told(stage, day.fault.tells)
    return f"right after {leapt:.0f} s leapt; {stage.memory()} MiB at most"
