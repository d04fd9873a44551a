"""The table of metric families: a row tells a metric's name, its help, and where its samples come from."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from exporter.flow.labels import Labels, extend, make_labels
from exporter.flow.observations import Total
from exporter.ledger.totals import Values
from exporter.metrics.moment import Moment, WatchedState

REJECT_REASONS = ("not_an_object", "operate", "create_time", "negative_latency", "creation_unknown", "search_row")

Gauges = Iterable[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: its public name, its help, and how it is built from a moment."""

    name: str
    help: str
    samples: Callable[["Family", Moment], Metric]

    def build(self, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        return self.samples(self, moment)


def counter(total: Total) -> Callable[[Family, Moment], Metric]:
    """Return the samples of a counter among the totals."""

    def build(family: Family, moment: Moment) -> Metric:
        metric = CounterMetricFamily(family.name, family.help)
        for series, values in moment.shown(total):
            metric.add_sample(f"{metric.name}_total", dict(series.labels), values[0])
        return metric

    return build


def histogram(total: Total) -> Callable[[Family, Moment], Metric]:
    """Return the samples of a histogram among the totals."""

    def build(family: Family, moment: Moment) -> Metric:
        metric = HistogramMetricFamily(family.name, family.help)
        bounds = [*map(floatToGoString, moment.view.bounds[total]), "+Inf"]
        for series, values in moment.shown(total):
            _add_histogram(metric, dict(series.labels), bounds, values)
        return metric

    return build


def _add_histogram(metric: Metric, labels: Mapping[str, str], bounds: Iterable[str], values: Values) -> None:
    *buckets, total_seconds = values
    cumulative = list(accumulate(buckets))
    for bound, count in zip(bounds, cumulative, strict=True):
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, count)
    metric.add_sample(f"{metric.name}_count", dict(labels), cumulative[-1])
    metric.add_sample(f"{metric.name}_sum", dict(labels), total_seconds)


def gauge(values: Callable[[Moment], Gauges]) -> Callable[[Family, Moment], Metric]:
    """Return the samples of a gauge that is read off the moment."""

    def build(family: Family, moment: Moment) -> Metric:
        metric = GaugeMetricFamily(family.name, family.help)
        for labels, value in values(moment):
            metric.add_sample(family.name, dict(labels), value)
        return metric

    return build


def anomaly_counts(moment: Moment) -> Gauges:
    """Yield the anomaly points of each open alert that tells them."""
    for known in moment.open_alerts():
        if known.anomaly_count is not None:
            yield extend(known.labels, alert_id=known.alert_id), known.anomaly_count


def open_alerts(moment: Moment) -> Gauges:
    """Yield the number of open alerts by acknowledgement and shield; label sets whose alerts all ended stay, at 0.

    Whether an alert is shielded only a search tells: one that is watched by its id alone counts as not shielded.
    """
    of_ended = (dict(series.labels) for series, _ in moment.shown(Total.ALERTS_ENDED))
    past = [make_labels({n: v for n, v in labels.items() if n not in {"outcome", "acked"}}) for labels in of_ended]
    count: Counter[Labels] = Counter()
    for labels in dict.fromkeys([*past, *(known.labels for known in moment.read_alerts())]):
        count.update({_open(labels, acked, shielded): 0 for acked in (False, True) for shielded in (False, True)})
    for known in moment.open_alerts():
        is_shielded = known.sighting is not None and known.sighting.is_shielded
        count[_open(known.labels, known.is_acked, is_shielded)] += 1
    return count.items()


def _open(labels: Labels, acked: bool, shielded: bool) -> Labels:
    return extend(labels, acked=str(acked).lower(), shielded=str(shielded).lower())


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


FLOW_FAMILIES = (
    Family("bkmonitor_flow_records", "Flow records by operate and status.", counter(Total.RECORDS)),
    Family(
        "bkmonitor_flow_anomaly_count",
        "Anomaly points converged into an open alert, as last read.",
        gauge(anomaly_counts),
    ),
    Family(
        "bkmonitor_flow_time_to_ack_seconds",
        "Time from an alert's creation to its first human acknowledgement.",
        histogram(Total.TIME_TO_ACK),
    ),
    Family(
        "bkmonitor_flow_time_to_first_action_seconds",
        "Time from an alert's creation to its first action or notice.",
        histogram(Total.TIME_TO_FIRST_ACTION),
    ),
    Family(
        "bkmonitor_flow_time_to_end_seconds",
        "Time from an alert's creation to its recovery or closure.",
        histogram(Total.TIME_TO_END),
    ),
    Family(
        "bkmonitor_flow_alerts_ended",
        "Alerts that ended, by outcome and whether somebody had acknowledged them.",
        counter(Total.ALERTS_ENDED),
    ),
    Family("bkmonitor_flow_open_alerts", "Open watched alerts.", gauge(open_alerts)),
)

OWN_FAMILIES = (
    Family(
        "bkmonitor_flow_exporter_source_up",
        "Whether the source answered the last poll (1) or is in trouble (0).",
        gauge(sources_up),
    ),
    Family(
        "bkmonitor_flow_exporter_last_success_timestamp_seconds",
        "Unix time of the last good poll of the source.",
        gauge(last_successes),
    ),
    Family(
        "bkmonitor_flow_exporter_overdue_seconds",
        "How late the most overdue poll of the source is.",
        gauge(overdue),
    ),
    Family(
        "bkmonitor_flow_exporter_watched_alerts",
        "Watched alerts that are still asked about, by state.",
        gauge(watched_alerts),
    ),
    Family(
        "bkmonitor_flow_exporter_records_rejected",
        "Flow records that could not be read, and latencies that could not be told, by reason.",
        rejected_records,
    ),
    Family(
        "bkmonitor_flow_exporter_timezone_skew_seconds",
        "Median of CREATE record time less id time; far from 0, the source's timezone is wrong.",
        gauge(timezone_skews),
    ),
)
