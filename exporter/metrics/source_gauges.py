"""What the families of the sources tell: how asking each of them goes."""

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.metrics.family import Family, Gauges
from exporter.metrics.moment import Moment, WatchedState

REJECT_REASONS = ("not_an_object", "operate", "create_time", "negative_latency", "creation_unknown", "search_row")


def rejected_records(family: Family, moment: Moment) -> Metric:
    """Return the rejected rows of each source; known reasons start at 0."""
    metric = CounterMetricFamily(family.name, family.help)
    counted = {s.labels: t.values[0] for s, t in moment.view.totals.items() if s.total is Total.RECORDS_REJECTED}
    known = [make_labels({"source": s.name, "reason": reason}) for s in moment.sources for reason in REJECT_REASONS]
    for labels in dict.fromkeys([*known, *counted]):
        metric.add_sample(f"{metric.name}_total", dict(labels), counted.get(labels, 0.0))
    return metric


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
