"""The small plots of the page: how long acknowledgements took, and which deadlines were met. Geometry, no drawing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

from exporter.flow.deadlines import AckTarget
from exporter.flow.observations import Total
from exporter.metrics import Moment
from exporter.web.texts import span

WIDTH, HEIGHT = 400, 105
"""The size of the histogram in its own units, without the labels below it."""

_GAP = 2.0
_UNITS_PER_SIGN = 6.2
_MOST = 0.9


@dataclass(frozen=True, slots=True)
class Bar:
    """A bucket: its place, how many it alone counts, its upper bound, which `is_labelled` where there is room, and its
    range in words.
    """

    x: float
    y: float
    width: float
    height: float
    count: int
    bound: str
    told: str
    is_labelled: bool


@dataclass(frozen=True, slots=True)
class AckTimes:
    """The time-to-ack histogram of all series together. `most_within` is the bound that takes nine of ten, or empty."""

    bars: tuple[Bar, ...]
    targets: tuple[tuple[float, str], ...]
    count: int
    most_within: str


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What came of the deadlines of one ack target; `share` of those met among met and missed, None without any."""

    name: str
    within: str
    objective: float
    met: int
    missed: int
    ended: int

    @property
    def share(self) -> float | None:
        """The part that was met, from 0 to 1, of those that fell while their alert was open."""
        return self.met / (self.met + self.missed) if self.met + self.missed else None

    @property
    def segments(self) -> Iterator[tuple[str, float, float]]:
        """Yield the parts of a bar of length 100: result, start and length."""
        parts = (("met", self.met), ("missed", self.missed), ("ended", self.ended))
        total = sum(amount for _, amount in parts) or 1
        start = 0.0
        for result, amount in parts:
            length = 100 * amount / total
            if amount:
                yield result, start, length
            start += length


def ack_times(moment: Moment) -> AckTimes:
    """Return the histogram as scrapes get it, summed over its series."""
    bounds = moment.view.bounds[Total.TIME_TO_ACK]
    counts = [0] * (len(bounds) + 1)
    for _, total in moment.shown(Total.TIME_TO_ACK):
        counts = [have + int(more) for have, more in zip(counts, total.values[:-1], strict=True)]
    step = WIDTH / len(counts)
    # The last bucket has no upper bound: it is named by what it begins after.
    names = [*map(_bound, bounds), f">{_bound(bounds[-1])}"]
    every = 1 if max(map(len, names)) * _UNITS_PER_SIGN <= step else 2
    most = max(counts) or 1
    bars = tuple(
        Bar(
            x=round(index * step + _GAP / 2, 2),
            y=round(HEIGHT * (1 - count / most), 2),
            width=round(step - _GAP, 2),
            height=round(HEIGHT * count / most, 2),
            count=count,
            bound=name,
            told=told,
            is_labelled=(len(counts) - 1 - index) % every == 0,
        )
        for index, (count, name, told) in enumerate(zip(counts, names, _ranges(names), strict=True))
    )
    return AckTimes(bars, tuple(_marks(moment.targets, bounds, step)), sum(counts), _most_within(counts, names))


def deadlines(moment: Moment) -> list[Deadlines]:
    """Return what came of the deadlines, by ack target, as scrapes get it: a series is the first matching one's."""
    targets = list(moment.targets)
    results = [{"met": 0, "missed": 0, "ended": 0} for _ in targets]
    for series, total in moment.shown(Total.ACK_DEADLINES):
        labels = dict(series.labels)
        for target, counted in zip(targets, results, strict=True):
            if all(labels.get(name) == value for name, value in target.match.items()):
                counted[labels["result"]] += int(total.values[0])
                break
    return [
        Deadlines(_target_name(target), span(target.within), target.objective, **counted)
        for target, counted in zip(targets, results, strict=True)
    ]


def _bound(seconds: float) -> str:
    return span(seconds).replace(" ", "") if seconds >= 1 else f"{seconds:g}s"


def _ranges(names: list[str]) -> Iterator[str]:
    yield f"up to {names[0]}"
    yield from (f"{start} to {end}" for start, end in pairwise(names[:-1]))
    yield f"over {names[-1].removeprefix('>')}"


def _marks(targets: Iterable[AckTarget], bounds: tuple[float, ...], step: float) -> Iterator[tuple[float, str]]:
    """Yield where each ack target lies, which is the right edge of the bucket that it bounds."""
    for within in sorted({target.within for target in targets} & set(bounds)):
        yield round((bounds.index(within) + 1) * step, 2), span(within)


def _most_within(counts: list[int], names: list[str]) -> str:
    enough = _MOST * sum(counts)
    return next((name for name, count in zip(names[:-1], accumulate(counts[:-1]), strict=True) if count >= enough), "")


def _target_name(target: AckTarget) -> str:
    return ", ".join(target.match.values()) or "every alert"
