"""The moments of a range at which samples are told."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

LONGEST_STEP = 300.0
"""Prometheus calls a series gone that had no sample for five minutes (its `--query.lookback-delta`)."""

_RESOLUTION = 0.001


@dataclass(frozen=True, slots=True)
class Grid:
    """The range from `start` to `end` (unix seconds), with a point every `step` seconds and one at its end.

    What happened by a point shows there: `at` belongs to the first point that is not before it.
    """

    start: float
    end: float
    step: float

    def __len__(self) -> int:
        """Return the number of points."""
        return math.ceil((self.end - self.start) / self.step) + 1

    def index(self, at: float) -> int:
        """Return the first point by which `at` has happened: 0 for all before the range, its length for all after."""
        if at > self.end:
            return len(self)
        return max(0, min(math.ceil((at - self.start) / self.step), len(self) - 1))

    def time(self, index: int) -> float:
        """Return when a point is, in unix seconds."""
        return min(self.start + index * self.step, self.end)

    def stamps(self) -> list[str]:
        """Return the timestamp of each point's samples.

        The first ones stand a millisecond after the start, so that ranges that touch have no moment in common: where
        one ends with a counter's value, the next begins with 0, and `increase()` sees a restart between the two.
        """
        times = (self.time(index) for index in range(len(self)))
        return [_stamp(at if index else at + _RESOLUTION) for index, at in enumerate(times)]

    def spread(self, changes: Iterable[tuple[int, T]]) -> Iterator[tuple[int, T]]:
        """Yield at which points a value is to be told, and the value, from (point, value) pairs that ascend; of two
        pairs with one point the later counts.

        Where it changes, at the point before that, and else as often as Prometheus needs it: most series are flat most
        of the time, and what is left out is what one would draw between two samples anyway.
        """
        every = max(1, int(LONGEST_STEP // self.step))
        last: tuple[int, T] | None = None
        for change in changes:
            if change[0] >= len(self):
                break
            if last is not None:
                yield from _held(last, change[0], every)
            last = change
        if last is not None:
            yield from _held(last, len(self), every)


def _held(since: tuple[int, T], until: int, every: int) -> Iterator[tuple[int, T]]:
    first, value = since
    for point in range(first, until, every):
        yield point, value
    if until > first and (until - 1 - first) % every:
        yield until - 1, value


def _stamp(at: float) -> str:
    return f"{at:.3f}".rstrip("0").rstrip(".")
