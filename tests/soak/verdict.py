"""What must hold of a soak's samples: once alerts are forgotten as fast as they are born, nothing grows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.soak.samples import Sample

_WARM_UP = 1 / 4  # of the time
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bound:
    """How much more than at the beginning a measure may be at the end: a share of it, and a number; and why."""

    what: str
    of: Callable[[Sample], float]
    share: float
    number: float
    why: str

    def most(self, first: float) -> float:
        """Return what the measure may be at the end."""
        return first * (1 + self.share) + self.number


@dataclass(frozen=True, slots=True)
class Finding:
    """A measure at the beginning and at the end of a soak."""

    bound: Bound
    first: float
    last: float

    @property
    def is_met(self) -> bool:
        """Whether it grew no more than it may."""
        return self.last <= self.bound.most(self.first)


BOUNDS = (
    Bound(
        "resident memory, MiB",
        lambda s: s.resident / _MIB,
        0.03,
        0,
        "the allocator goes up and down, caches still fill",
    ),
    Bound("descriptors", lambda s: s.descriptors, 0, 2, "connections come and go"),
    Bound("threads", lambda s: s.threads, 0, 2, "so do the threads that serve them"),
    Bound("the ledger's file, MiB", lambda s: s.file / _MIB, 0.1, 0, "free pages are used again"),
    Bound("the write-ahead log, MiB", lambda s: s.log / _MIB, 0.1, 1, "SQLite begins it anew after 1,000 pages"),
    Bound("alerts in the ledger", lambda s: s.remembered, 0.25, 0, "chance: as many are forgotten as are born"),
    Bound("series", lambda s: s.series, 0.25, 0, "chance: those of open alerts come and go with them"),
)


def findings(samples: Sequence[Sample]) -> list[Finding]:
    """Compare the median of the first third after the warm-up with that of the last third."""
    warm = [sample for sample in samples if sample.seconds >= _WARM_UP * samples[-1].seconds]
    third = len(warm) // 3
    early, late = warm[:third], warm[-third:]
    return [Finding(bound, median(map(bound.of, early)), median(map(bound.of, late))) for bound in BOUNDS]
