"""Faults of the machine and of the process: kills in every phase, wrong clocks, clocks that change, no descriptors."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from tests.chaos.fault import Fault, Strike
from tests.chaos.phases import PHASES
from tests.chaos.stage import Breach, Stage

ZONES = {"listed": "Europe/London", "searched": "Australia/Sydney"}
"""Of the deployments. Within a week the clocks of the one go forward, and then those of the other go back."""

SPRING = datetime(2026, 3, 29, 2, tzinfo=ZoneInfo(ZONES["listed"])).timestamp()
AUTUMN = datetime(2026, 4, 5, 2, fold=1, tzinfo=ZoneInfo(ZONES["searched"])).timestamp()
_REACHED_WITHIN = 20.0
_STANDARD = 3  # descriptors, which are open in any case
_SET_BACK = "the clock was set back"
_DEADLINES = ("ack_deadlines_total",)


def _killed(phase: str) -> Strike:
    @contextmanager
    def strike(stage: Stage, chance: Random) -> Iterator[None]:
        with stage.doomed(phase):
            if phase == "during a reload":
                stage.write_config(refresh=chance.choice((2, 3)))
                stage.exporter.signal(signal.SIGHUP)
            if (code := stage.expect_end(_REACHED_WITHIN)) != -signal.SIGKILL:
                raise Breach(f"to be killed {phase}, it ended with {code}")
        yield
        stage.start()

    return strike


@contextmanager
def _killed_anywhere(stage: Stage, chance: Random) -> Iterator[None]:
    for _ in range(3):
        stage.pass_until(stage.now() + chance.uniform(0, 1))
        stage.kill()
        stage.start(wait=False)
    stage.kill()
    yield
    stage.start()


@contextmanager
def _killed_at_the_start(stage: Stage, chance: Random) -> Iterator[None]:
    stage.kill()
    for phase in chance.sample(("within a transaction", "before a commit", "while rendering", "during a reload"), 2):
        with stage.doomed(phase):
            stage.start(wait=False)
            stage.expect_end(_REACHED_WITHIN)
    yield
    stage.start()


def _wrong_clock(*ahead: float) -> Strike:
    @contextmanager
    def strike(stage: Stage, chance: Random) -> Iterator[None]:
        with stage.wrong_clock(chance.choice(ahead)):
            yield

    return strike


@contextmanager
def _nothing(_stage: Stage, _chance: Random) -> Iterator[None]:
    yield


@contextmanager
def _no_descriptors(stage: Stage, _chance: Random) -> Iterator[None]:
    """Leave those descriptors that are open, none of which leads upstream."""
    pid = stage.exporter.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (_STANDARD, before[1]))
    stage.cut()
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


FAULTS = (
    *(Fault(f"kill-{phase.replace(' ', '-')}", f"killed {phase}", _killed(phase)) for phase in PHASES),
    Fault("kill-at-any-moment", "killed three times in a row, and down for a while", _killed_anywhere),
    Fault("kill-at-the-start", "killed twice while it starts", _killed_at_the_start),
    Fault(
        "clock-ahead",
        "the exporter's clock is ahead for a while: what is not acknowledged is missed too soon",
        _wrong_clock(30, 600, 2700),
        tells=_SET_BACK,
        may_differ=_DEADLINES,
    ),
    Fault(
        "clock-far-ahead",
        "it is ahead by more than poll.first_seen_window: who is first seen then looks like history",
        _wrong_clock(7200, 86_400),
        tells=_SET_BACK,
        may_differ=_DEADLINES,
        may_lack=True,
    ),
    Fault("clock-behind", "it is behind for a while", _wrong_clock(-30, -600, -2700, -86_400), tells=_SET_BACK),
    Fault("spring-forward", "the clocks of a deployment go forward an hour", _nothing, change_at=SPRING),
    Fault("autumn-back", "the clocks of a deployment go back an hour", _nothing, change_at=AUTUMN),
    Fault("no-descriptors", "no file or connection can be opened", _no_descriptors),
)
