"""The totals as values: one series' cells, how observations add to them, and a view of all at one moment."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.flow.observations import Count, Latency, Observation, Total

Bounds = Mapping[Total, tuple[float, ...]]
"""The upper bounds of each histogram's buckets, ascending, in seconds, without +Inf."""

Values = tuple[float, ...]
"""A counter: its value. A histogram: what each bucket alone holds, +Inf last, then the sum."""


class Series(NamedTuple):
    """The identity of a series."""

    total: Total
    labels: Labels


@dataclass(frozen=True, slots=True)
class SeriesTotal:
    """A series' committed values, and its birth: when a scrape first got it as 0, and whether it is past that."""

    values: Values
    served_at: float | None = None
    revealed: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """All that is committed, as of one moment.

    `alerts` are those that do not rest. `baselines` holds when the baseline of each source was completed.
    """

    bounds: Bounds
    totals: Mapping[Series, SeriesTotal]
    alerts: Mapping[tuple[str, str], KnownAlert]
    baselines: Mapping[str, float]


def cell_names(total: Total, bounds: Bounds) -> tuple[str, ...]:
    """Return the names under which the ledger keeps the values of a series of `total`, in their order."""
    if total not in bounds:
        return ("value",)
    return (*(f"le={bound!r}" for bound in bounds[total]), "le=+Inf", "sum")


def deltas(observations: Iterable[Observation], bounds: Bounds) -> dict[Series, list[float]]:
    """Return what the observations add to each series."""
    added: dict[Series, list[float]] = {}
    for observation in observations:
        series = Series(observation.total, observation.labels)
        values = added.setdefault(series, [0.0] * len(cell_names(series.total, bounds)))
        match observation:
            case Count(amount=amount):
                values[0] += amount
            case Latency(seconds=seconds):
                values[bisect_left(bounds[series.total], seconds)] += 1
                values[-1] += seconds
    return added
