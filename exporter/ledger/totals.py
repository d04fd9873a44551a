"""The totals as values: one series' cells, how observations add to them, and a view of all at one moment."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, make_labels
from exporter.flow.observations import Count, Latency, Observation, Total
from exporter.flow.shards import ONE_SHARD, Shards
from exporter.ledger.changes import Recent, changed_keys
from exporter.ledger.lease import Lease

Bounds = Mapping[Total, tuple[float, ...]]
"""The upper bounds of each histogram's buckets, ascending, in seconds, without +Inf."""

Values = tuple[float, ...]
"""A counter: its value. A histogram: what each bucket alone holds, +Inf last, then the sum."""

# What the totals of alerts add to the labels of the alerts; such names are reserved.
_OWN_LABELS: Mapping[Total, frozenset[str]] = {
    Total.RECORDS: frozenset({"operate", "status"}),
    Total.ALERTS_ENDED: frozenset({"outcome", "acked"}),
    Total.ACK_DEADLINES: frozenset({"result"}),
    Total.TIME_TO_ACK: frozenset(),
    Total.TIME_TO_FIRST_ACTION: frozenset(),
    Total.TIME_TO_END: frozenset({"outcome"}),
}
EXEMPLARY = frozenset({Total.TIME_TO_ACK})
"""The histograms whose buckets name an alert as exemplar."""
_CLOCK_TICK = 0.001  # Prometheus keeps the time of an exemplar in milliseconds, and refuses one that is not newer


class Series(NamedTuple):
    """The identity of a series."""

    total: Total
    labels: Labels


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One alert that a bucket counted: its latency in seconds, and when that was read, in unix seconds."""

    alert_id: str
    seconds: float
    at: float


_NO_EXEMPLARS: Mapping[int, Exemplar] = {}


@dataclass(frozen=True, slots=True)
class SeriesTotal:
    """A series' committed values, and its birth: when a scrape first got it as 0, and whether it is past that.

    `created_at` is when it came to be, at 0; None where it began with history: in the baseline of its source, or before
    version 2 of the ledger. `exemplars` holds the last one of each bucket by the bucket's index, in memory only: a
    restart loses them, and no count.
    """

    values: Values
    served_at: float | None = None
    revealed: bool = False
    created_at: float | None = None
    exemplars: Mapping[int, Exemplar] = field(default_factory=lambda: _NO_EXEMPLARS, compare=False)


@dataclass(frozen=True, slots=True)
class View:
    """All that is committed, as of one moment.

    `alerts` are those that do not rest. `baselines` holds when the baseline of each source was completed in each shard.

    Of a ledger that is divided into `shards`, it has those that this process owns. Scrapes are told of the shards in
    `told`, as long as the `lease` is valid: of the others, another process may still tell.

    `version` grows with what is committed, and the recent ones tell what changed in which; None for a view by itself.
    """

    bounds: Bounds
    totals: Mapping[Series, SeriesTotal]
    alerts: Mapping[tuple[str, str], KnownAlert]
    baselines: Mapping[tuple[str, int], float]
    shards: Shards = ONE_SHARD
    told: frozenset[int] = frozenset({0})
    lease: Lease = field(default_factory=Lease, compare=False)
    version: int = field(default=0, compare=False)
    recent_totals: Recent[Series] | None = field(default=None, compare=False, repr=False)
    recent_alerts: Recent[tuple[str, str]] | None = field(default=None, compare=False, repr=False)

    def changed_totals(self, before: "View") -> Collection[Series]:
        """Return the series that are not as they were in an earlier view; some that are may be among them."""
        recent = self.recent_totals if self.recent_totals is before.recent_totals else None
        return changed_keys(recent, before.version, before.totals, self.totals)

    def changed_alerts(self, before: "View") -> Collection[tuple[str, str]]:
        """Return the alerts that are not as they were in an earlier view, or gone; some others may be among them."""
        recent = self.recent_alerts if self.recent_alerts is before.recent_alerts else None
        return changed_keys(recent, before.version, before.alerts, self.alerts)


def alert_labels(series: Series) -> Labels | None:
    """Return the labels of the alerts that a series counts, without those of its total; None where it counts others."""
    own = _OWN_LABELS.get(series.total)
    if not own:
        return None if own is None else series.labels
    return make_labels({name: value for name, value in series.labels if name not in own})


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
        values = added.get(series)
        if values is None:
            values = added[series] = [0.0] * len(cell_names(series.total, bounds))
        match observation:
            case Count(amount=amount):
                values[0] += amount
            case Latency(seconds=seconds):
                values[bisect_left(bounds[series.total], seconds)] += 1
                values[-1] += seconds
    return added


def exemplars(observations: Iterable[Observation], bounds: Bounds) -> dict[Series, list[tuple[int, Exemplar]]]:
    """Return which alerts the observations name, each with the index of its bucket, in their order."""
    found: dict[Series, list[tuple[int, Exemplar]]] = {}
    for observation in observations:
        if isinstance(observation, Latency) and observation.alert_id and observation.total in EXEMPLARY:
            exemplar = Exemplar(observation.alert_id, observation.seconds, observation.read_at)
            bucket = bisect_left(bounds[observation.total], observation.seconds)
            found.setdefault(Series(observation.total, observation.labels), []).append((bucket, exemplar))
    return found


def with_exemplars(total: SeriesTotal, new: Iterable[tuple[int, Exemplar]]) -> SeriesTotal:
    """Return `total` with the exemplars that are newer than those it has; to Prometheus an older one is a fault."""
    held = dict(total.exemplars)
    for bucket, exemplar in new:
        if bucket not in held or exemplar.at >= held[bucket].at + _CLOCK_TICK:
            held[bucket] = exemplar
    return replace(total, exemplars=held)
