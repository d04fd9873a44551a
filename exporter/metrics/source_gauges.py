"""What families tell of the sources, how asking each of them goes, and of the config."""

from collections.abc import Iterator
from itertools import product

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.ledger import Series
from exporter.metrics.family import Family, Gauges
from exporter.metrics.moment import Moment, WatchedState

REJECT_REASONS = ("not_an_object", "operate", "create_time", "negative_latency", "creation_unknown", "search_row")


class RejectedRecords:
    """The rejected rows of each source, in the shards that are told; known reasons start at 0."""

    total = Total.RECORDS_REJECTED

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        metric = CounterMetricFamily(family.name, family.help)
        counted = {
            series: total.values[0]
            for series, total in moment.view.totals.items()
            if series.total is self.total and moment.is_told(series.labels)
        }
        for series in dict.fromkeys([*self.known(moment), *counted]):
            metric.add_sample(f"{metric.name}_total", dict(series.labels), counted.get(series, 0.0))
        return metric

    def known(self, moment: Moment) -> Iterator[Series]:
        """Yield the series that there are in any case."""
        for source, shard, reason in product(moment.sources, sorted(moment.view.told), REJECT_REASONS):
            labels = make_labels({"source": source.name, "reason": reason})
            yield Series(self.total, moment.view.shards.labelled(labels, shard))


def sources_up(moment: Moment) -> Gauges:
    """Yield 1 for each source that answers, else 0."""
    return [(make_labels({"source": source.name}), float(source.up)) for source in moment.sources]


def last_successes(moment: Moment) -> Gauges:
    """Yield when each source last answered; none before its first answer."""
    for source in moment.sources:
        if source.last_success_at is not None:
            yield make_labels({"source": source.name}), source.last_success_at


def overdue(moment: Moment) -> Gauges:
    """Yield how late the most overdue poll of each source is."""
    return [(make_labels({"source": source.name}), source.overdue) for source in moment.sources]


def watched_alerts(moment: Moment) -> Gauges:
    """Yield the number of watched alerts by source and state."""
    for source in moment.sources:
        for state in WatchedState:
            yield make_labels({"source": source.name, "state": state}), source.watched.get(state, 0)


def timezone_skews(moment: Moment) -> Gauges:
    """Yield how far each source's CREATE records are from the ids' times, where enough alerts tell it."""
    for source in moment.sources:
        if source.timezone_skew is not None:
            yield make_labels({"source": source.name}), source.timezone_skew


def ack_targets(moment: Moment) -> Gauges:
    """Yield the configured targets under the labels that they match."""
    return [(make_labels(target.match), target.within) for target in moment.targets]
