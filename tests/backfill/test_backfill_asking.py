"""Asking: the rate limit holds, trouble is met with patience, and a source that does not answer is left alone."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from exporter.backfill.asking import Asking
from exporter.blueking import BadRequest, BlueKingError, NoSuchAlert, NotAllowed, TooFast, Unreachable, Upstream
from exporter.config import RateLimitSettings

LIMITS = RateLimitSettings(requests_per_second=2.0, burst=3, concurrency=2)


class Simulation:
    """Asks to the end in a time of its own; an answer takes 0.1 seconds. `asked` holds when each question went out."""

    def __init__(self, keys: list[str], limits: RateLimitSettings = LIMITS) -> None:
        self.now = 100.0
        self.asked: list[tuple[float, str]] = []
        self.asking = Asking(limits, lambda: 1.0, self.now)
        for key in keys:
            self.asking.put(key, 0.0)

    def run(self, answer: Callable[[str], BlueKingError | None]) -> None:
        """Ask until there is nothing more to ask."""
        under_way: list[tuple[float, str]] = []
        while not self.asking.is_over:
            while (key := self.asking.next(self.now)) is not None:
                self.asked.append((self.now, key))
                under_way.append((self.now, key))
            wakes_at = self.asking.wakes_at(self.now)
            if under_way and (wakes_at is None or under_way[0][0] + 0.1 <= wakes_at):
                at, key = under_way.pop(0)
                self.now = max(self.now, at + 0.1)
                self.asking.answered(key, answer(key), at, self.now)
            else:
                assert wakes_at is not None
                self.now = wakes_at


def test_no_window_has_more_requests_than_the_rate_limit_allows() -> None:
    """The burst at once, then so many a second; each question is asked once."""
    run = Simulation([str(number) for number in range(50)])

    run.run(lambda _key: None)

    times = [at for at, _ in run.asked]
    assert sorted(key for _, key in run.asked) == sorted(str(number) for number in range(50))
    for at in times:
        for seconds in (0.5, 1.0, 5.0):
            assert sum(at <= other < at + seconds for other in times) <= 3 + 2 * seconds + 1e-6
    assert times[-1] - times[0] >= (50 - 3) / 2 - 1e-6


def test_no_more_is_under_way_than_allowed() -> None:
    """A third question waits for an answer."""
    asking = Simulation(["1", "2", "3"]).asking

    assert [asking.next(100.0) for _ in range(3)] == ["1", "2", None]
    assert asking.wakes_at(100.0) is None


def test_too_fast_waits_as_long_as_the_source_says() -> None:
    """The question is asked again after that, and is not blamed, however often."""
    refusals = [TooFast("slow down", 30.0)] * 6
    run = Simulation(["1"])

    run.run(lambda _key: refusals.pop() if refusals else None)

    waits = [later - at for (at, _), (later, _) in pairwise(run.asked)]
    assert len(waits) == 6
    assert min(waits) > 30
    assert max(waits) < 33
    assert (run.asking.missing, run.asking.stopped_by) == ({}, None)


def test_trouble_with_one_alert_is_retried_a_few_times() -> None:
    """A little later each time; then it is missing, and the others are read all the same."""
    error = Upstream("trouble")
    run = Simulation(["1", "2", "3"])

    run.run(lambda key: error if key == "1" else None)

    times = [at for at, key in run.asked if key == "1"]
    waits = [later - at for at, later in pairwise(times)]
    assert len(times) == 4
    assert waits == sorted(waits)
    assert waits[0] > 1
    assert run.asking.missing == {"1": error}
    assert {key for _, key in run.asked} == {"1", "2", "3"}


def test_trouble_that_passes_leaves_nothing_missing() -> None:
    """An alert that is read in the end was read."""
    errors: list[BlueKingError] = [Upstream("trouble"), Upstream("again"), Unreachable("reset")]
    run = Simulation(["1"])

    run.run(lambda _key: errors.pop() if errors else None)

    assert (run.asking.missing, run.asking.stopped_by, len(run.asked)) == ({}, None, 4)


@pytest.mark.parametrize("error", [BadRequest("no such id"), NoSuchAlert("older than a year")])
def test_what_the_source_cannot_answer_is_not_repeated(error: BlueKingError) -> None:
    """However often it is asked, the answer stays the same."""
    run = Simulation(["1", "2"])

    run.run(lambda key: error if key == "1" else None)

    assert (run.asking.missing, [key for _, key in run.asked]) == ({"1": error}, ["1", "2"])


def test_alerts_that_are_not_known_stop_nothing() -> None:
    """A source that says so answers."""
    run = Simulation([str(number) for number in range(50)])

    run.run(lambda _key: NoSuchAlert("older than a year"))

    assert (len(run.asking.missing), run.asking.stopped_by) == (50, None)


def test_who_is_not_allowed_stops() -> None:
    """No hammering: a secret that is wrong stays wrong."""
    run = Simulation([str(number) for number in range(50)])

    run.run(lambda _key: NotAllowed("who are you"))

    assert isinstance(run.asking.stopped_by, NotAllowed)
    assert len(run.asked) <= 2


def test_a_source_that_is_gone_is_left_alone_ever_longer_and_then_given_up() -> None:
    """One question at a time, and not for ever."""
    run = Simulation([str(number) for number in range(50)])

    run.run(lambda _key: Unreachable("refused"))

    assert isinstance(run.asking.stopped_by, Unreachable)
    assert len(run.asked) <= 14
    assert run.asked[-1][0] - run.asked[-2][0] > 200


def test_a_source_that_fails_for_all_alerts_is_given_up() -> None:
    """Not each alert is tried four times before that."""
    run = Simulation([str(number) for number in range(5000)])

    run.run(lambda _key: BadRequest("wrong path"))

    assert isinstance(run.asking.stopped_by, BadRequest)
    assert len(run.asked) <= 14
