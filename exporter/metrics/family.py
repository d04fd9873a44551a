"""A metric family as a row of the table, and what it tells of a moment: the kinds of families there are."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, NamedTuple, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter import ledger
from exporter.flow.labels import Labels
from exporter.flow.observations import Total
from exporter.ledger import SeriesTotal
from exporter.metrics.doc import Doc
from exporter.metrics.moment import Moment

CREATED = "_created"
"""The suffix of the sample that tells when a series came to be."""

_EXEMPLAR_LIMIT = 128  # characters in the names and values of an exemplar's labels (OpenMetrics 1.0)

Gauges = Iterable[tuple[Labels, float]]


class Told(Protocol):
    """What a family tells of a moment."""

    @property
    def total(self) -> Total | None:
        """The total that is told, None where something else is."""
        ...

    def build(self, family: "Family", moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: its public name without a counter's `_total`, its help, what it tells, its doc."""

    name: str
    help: str
    told: Told
    doc: Doc

    @property
    def total(self) -> Total | None:
        """The total that it tells, None where it tells something else."""
        return self.told.total

    def build(self, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        return self.told.build(self, moment)


class Row(NamedTuple):
    """A sample of a series: its name's suffix, its value, the bucket's bound and the exemplar where it has them."""

    suffix: str
    value: float
    le: str | None = None
    exemplar: Exemplar | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter among the totals."""

    total: Total

    def empty(self, family: Family) -> Metric:
        """Return the family without samples."""
        return CounterMetricFamily(family.name, family.help)

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        return _of_total(self, family, moment)

    def rows(self, served: SeriesTotal, moment: Moment) -> Iterator[Row]:
        """Yield the samples of a series as it is served."""
        yield Row("_total", served.values[0])
        yield from _created(served, moment)


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram among the totals."""

    total: Total

    def empty(self, family: Family) -> Metric:
        """Return the family without samples."""
        return HistogramMetricFamily(family.name, family.help)

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        return _of_total(self, family, moment)

    def rows(self, served: SeriesTotal, moment: Moment) -> Iterator[Row]:
        """Yield the samples of a series as it is served."""
        *buckets, total_seconds = served.values
        bounds = [*map(floatToGoString, moment.view.bounds[self.total]), "+Inf"]
        cumulative = list(accumulate(buckets))
        for index, (bound, count) in enumerate(zip(bounds, cumulative, strict=True)):
            yield Row("_bucket", count, bound, _exemplar(served.exemplars.get(index)))
        yield Row("_count", cumulative[-1])
        yield Row("_sum", total_seconds)
        yield from _created(served, moment)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A gauge that is read off the moment as a whole."""

    values: Callable[[Moment], Gauges]
    total: ClassVar[None] = None

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        return gauge(family, self.values(moment))


def gauge(family: Family, values: Gauges) -> Metric:
    """Return a gauge family with these samples."""
    metric = GaugeMetricFamily(family.name, family.help)
    for labels, value in values:
        metric.add_sample(family.name, dict(labels), value)
    return metric


def _of_total(told: Counter | Histogram, family: Family, moment: Moment) -> Metric:
    metric = told.empty(family)
    for series, served in moment.shown(told.total):
        for row in told.rows(served, moment):
            labels = dict(series.labels) if row.le is None else {**dict(series.labels), "le": row.le}
            metric.add_sample(f"{family.name}{row.suffix}", labels, row.value, exemplar=row.exemplar)
    return metric


def _exemplar(seen: ledger.Exemplar | None) -> Exemplar | None:
    if seen is None or len("alert_id") + len(seen.alert_id) > _EXEMPLAR_LIMIT:
        return None
    return Exemplar({"alert_id": seen.alert_id}, seen.seconds, round(seen.at, 3))


def _created(served: SeriesTotal, moment: Moment) -> Iterator[Row]:
    if moment.created_series and served.created_at is not None:
        yield Row(CREATED, served.created_at)
