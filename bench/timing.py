"""What a benchmark returns, two measured quantities of one run and their ratio; and how two ways of work are timed.

A benchmark is a module of this package with `run() -> Comparison` or `run() -> Iterable[Comparison]`, listed in
`bench/__main__.py`. It needs no arguments, prints nothing to stdout, and raises where it cannot measure: the runner
gives it a process of its own, tells the error and goes on with the others.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_ROUNDS = 5
_BYTE_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as measured, with its unit: `s` or `bytes`, or else words for what is counted, such as `polls/s`."""

    value: float
    unit: str

    def __str__(self) -> str:
        if self.unit == "s":
            return f"{self.value:.3g} s" if self.value >= 1 else f"{self.value * 1e3:.3g} ms"
        if self.unit == "bytes":
            size, unit = next((each for each in _BYTE_UNITS if self.value >= each[0]), (1, "bytes"))
            return f"{_figures(self.value / size)} {unit}"
        return f"{_figures(self.value)} {self.unit}"


@dataclass(frozen=True, slots=True)
class Bound:
    """What is asked of a ratio; made by `at_least` and `at_most`."""

    limit: float
    is_floor: bool

    def holds(self, ratio: float) -> bool:
        """Tell whether this ratio is as asked."""
        return ratio >= self.limit if self.is_floor else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.is_floor else '≤'} {self.limit:g}"


def at_least(limit: float) -> Bound:
    """Return the bound of a ratio that must not be smaller."""
    return Bound(limit, is_floor=True)


def at_most(limit: float) -> Bound:
    """Return the bound of a ratio that must not be greater."""
    return Bound(limit, is_floor=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same work done in two ways, measured in one run, in the same unit.

    `name` tells the work and both ways, as in `commit of 200 polls: one batch / one by one`. `asked` is the bound of
    `ratio`, None where nothing is asked. `notes` are sentences that stand below the table.
    """

    name: str
    ours: Quantity
    other: Quantity
    asked: Bound | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ours.unit != self.other.unit:
            raise ValueError(
                f"{self.name}: {self.ours.unit} and {self.other.unit} have no ratio; give both in one unit"
            )

    @property
    def ratio(self) -> float:
        """Ours by the other's."""
        return self.ours.value / self.other.value

    @property
    def is_met(self) -> bool:
        """Whether the ratio is as asked; true where nothing is."""
        return self.asked is None or self.asked.holds(self.ratio)

    @property
    def is_ours_better(self) -> bool:
        """Whether ours does more in a second, or else takes less."""
        return self.ratio > 1 if self.ours.unit.endswith("/s") else self.ratio < 1


def compare(
    name: str,
    ours: Callable[[], object],
    other: Callable[[], object],
    *,
    rounds: int = _ROUNDS,
    asked: Bound | None = None,
    notes: tuple[str, ...] = (),
) -> Comparison:
    """Time both in turn, so that a noisy machine is noisy for both; the medians are compared."""
    timed = [(seconds_of(ours), seconds_of(other)) for _ in range(rounds)]
    mine, others = median(a for a, _ in timed), median(b for _, b in timed)
    return Comparison(name, Quantity(mine, "s"), Quantity(others, "s"), asked, notes)


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long some work takes, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _figures(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
