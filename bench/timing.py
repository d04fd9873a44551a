"""How the benchmarks time: both sides in turn, several rounds, the medians compared."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Median seconds of two ways to do the same work."""

    name: str
    ours: float
    theirs: float

    def line(self) -> str:
        """Return the row of the table."""
        ratio = self.ours / self.theirs
        return f"| {self.name} | {self.ours * 1e3:.3f} ms | {self.theirs * 1e3:.3f} ms | {ratio:.4f} |"


def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int = _ROUNDS
) -> Comparison:
    """Time both in turn, so that a noisy machine is noisy for both."""
    timed = [(_seconds(ours), _seconds(theirs)) for _ in range(rounds)]
    return Comparison(name, median(a for a, _ in timed), median(b for _, b in timed))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
