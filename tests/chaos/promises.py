"""What is promised whatever happens: right totals, counters that never fall, no secret, no traceback, bounds."""

from collections.abc import Callable, Collection, Mapping

from tests.chaos.stage import Breach, Stage, last
from tests.chaos.upstream import SECRET
from tests.e2e.harness import Samples, differences, wait_until

_LEAPS = (0.0, 90.0, 600.0, 3600.0)  # the longest pause of what was given up is an hour
LEAPT = sum(_LEAPS)
"""Seconds by which the clock may be put forward until all totals are right."""

_RIGHT_WITHIN = 5.0  # seconds after a leap until the next one
_AT_LAST_WITHIN = 25.0
_AT_REST_AFTER = 4.0  # seconds without news
_MOST_LINES = 1000  # of the log in a day
_MOST_MEMORY = 1024  # MiB
_MOST_TOLD = 20  # of what is wrong
_COUNTERS = ("records_total", "time_to_", "alerts_ended_total", "ack_deadlines_total")


def expect_right(stage: Stage, may_differ: Collection[str] = (), *, may_lack: bool = False) -> float:
    """Wait until all totals equal the truth; return for how many seconds that passed at once, beside a few others.

    What the metrics that `may_differ` tell otherwise is taken as right from then on, and so are totals that are too
    small where they `may_lack`.
    """

    def wrong() -> dict[str, tuple[float, float]]:
        return {
            what: (told, true)
            for what, (told, true) in differences(stage.told(), stage.truth.samples(stage.now())).items()
            if not (what.startswith(tuple(may_differ)) or (may_lack and told < true))
        }

    if may_lack:
        _await_rest(stage)
    leapt = _await_hours(stage, lambda: not (found := wrong()) or _is_beyond_mending(found))
    if found := wrong():
        listed = "\n".join(f"  {what}: {told}" for what, told in sorted(found.items())[:_MOST_TOLD])
        raise Breach(f"totals differ from the truth (told, true):\n{listed}")
    if may_differ or may_lack:
        stage.truth.write_off(stage.told(), stage.now())
    return leapt


def expect_well(stage: Stage) -> None:
    """See what holds at the end of any day."""
    expect_alive(stage)
    if not stage.scraper.is_running:
        raise Breach("what was scraped cannot be read")
    if stage.scraper.fell:
        raise Breach("counters fell:\n" + "\n".join(stage.scraper.fell[:_MOST_TOLD]))
    if (memory := stage.memory()) > _MOST_MEMORY:
        raise Breach(f"{memory} MiB of memory at most")
    lines = stage.news()
    if SECRET in "".join((*lines, stage.exporter.get("/metrics").text, stage.exporter.get("/").text)):
        raise Breach("a secret shows")
    if tracebacks := [line for line in lines if "Traceback" in line]:
        raise Breach(f"tracebacks in the log:\n{last(tracebacks)}")
    if len(lines) > _MOST_LINES:
        raise Breach(f"{len(lines)} lines in the log of a day:\n{last(lines)}")


def expect_alive(stage: Stage) -> None:
    """See that the exporter runs."""
    if not stage.exporter.is_alive:
        raise Breach(f"the exporter ended with {stage.expect_end(0)}:\n{last(stage.log())}")


def expect_told(stage: Stage, words: str) -> None:
    """See that the log of the day has these words."""
    if not any(words in line for line in stage.news()):
        raise Breach(f"the log does not tell: {words}\n{last(stage.news())}")


def _is_beyond_mending(found: Mapping[str, tuple[float, float]]) -> bool:
    """Whether a counter is too large: it never falls."""
    return any(what.startswith(_COUNTERS) and told > true for what, (told, true) in found.items())


def _await_rest(stage: Stage) -> None:
    """Wait until nothing more is counted."""
    before: Samples = {}
    while (told := stage.told()) != before:
        before = told
        stage.pass_until(stage.now() + _AT_REST_AFTER)


def _await_hours(stage: Stage, holds: Callable[[], bool]) -> float:
    leapt = 0.0
    for leap in _LEAPS:
        stage.leap_to(stage.now() + leap)
        leapt += leap
        expect_alive(stage)
        wait_until(holds, within=_AT_LAST_WITHIN if leap == _LEAPS[-1] else _RIGHT_WITHIN)
        if holds():
            break
    return leapt
