"""A metric family as a row of the table, and how the samples of a row are built from a moment."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

from exporter import ledger
from exporter.flow.labels import Labels
from exporter.flow.observations import Total
from exporter.ledger import SeriesTotal
from exporter.metrics.doc import Doc
from exporter.metrics.moment import Moment

_EXEMPLAR_LIMIT = 128  # characters in the names and values of an exemplar's labels (OpenMetrics 1.0)

Gauges = Iterable[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: its public name without a counter's `_total`, its help, how it is built from a moment, its doc.

    `total` is the one that it tells, None where it tells something else.
    """

    name: str
    help: str
    samples: Callable[["Family", Moment], Metric]
    doc: Doc
    total: Total | None = None

    def build(self, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        return self.samples(self, moment)


def counter(total: Total) -> Callable[[Family, Moment], Metric]:
    """Return the samples of a counter among the totals."""

    def build(family: Family, moment: Moment) -> Metric:
        metric = CounterMetricFamily(family.name, family.help)
        for series, served in moment.shown(total):
            labels = dict(series.labels)
            metric.add_sample(f"{metric.name}_total", labels, served.values[0])
            metric.samples.extend(_created(metric, labels, moment, served))
        return metric

    return build


def histogram(total: Total) -> Callable[[Family, Moment], Metric]:
    """Return the samples of a histogram among the totals."""

    def build(family: Family, moment: Moment) -> Metric:
        metric = HistogramMetricFamily(family.name, family.help)
        bounds = [*map(floatToGoString, moment.view.bounds[total]), "+Inf"]
        for series, served in moment.shown(total):
            labels = dict(series.labels)
            _add_histogram(metric, labels, bounds, served)
            metric.samples.extend(_created(metric, labels, moment, served))
        return metric

    return build


def _add_histogram(metric: Metric, labels: Mapping[str, str], bounds: Iterable[str], served: SeriesTotal) -> None:
    *buckets, total_seconds = served.values
    cumulative = list(accumulate(buckets))
    for index, (bound, count) in enumerate(zip(bounds, cumulative, strict=True)):
        exemplar = _exemplar(served.exemplars.get(index))
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, count, exemplar=exemplar)
    metric.add_sample(f"{metric.name}_count", dict(labels), cumulative[-1])
    metric.add_sample(f"{metric.name}_sum", dict(labels), total_seconds)


def _exemplar(seen: ledger.Exemplar | None) -> Exemplar | None:
    if seen is None or len("alert_id") + len(seen.alert_id) > _EXEMPLAR_LIMIT:
        return None
    return Exemplar({"alert_id": seen.alert_id}, seen.seconds, round(seen.at, 3))


def _created(metric: Metric, labels: Mapping[str, str], moment: Moment, served: SeriesTotal) -> Iterator[Sample]:
    if moment.created_series and served.created_at is not None:
        yield Sample(f"{metric.name}_created", dict(labels), served.created_at)


def gauge(values: Callable[[Moment], Gauges]) -> Callable[[Family, Moment], Metric]:
    """Return the samples of a gauge that is read off the moment."""

    def build(family: Family, moment: Moment) -> Metric:
        metric = GaugeMetricFamily(family.name, family.help)
        for labels, value in values(moment):
            metric.add_sample(family.name, dict(labels), value)
        return metric

    return build
