"""The exposition of a history: OpenMetrics with timestamps, as promtool makes blocks of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from exporter.backfill.grid import Grid
from exporter.backfill.history import History
from exporter.flow.deadlines import AckTargets
from exporter.flow.labels import Labels, extend, make_labels
from exporter.ledger import Series, View
from exporter.ledger.totals import SeriesTotal, Values
from exporter.metrics import FLOW_FAMILIES, Moment, SourceState
from exporter.metrics.family import Family

Changes = Iterable[tuple[int, "list[str] | None"]]
"""From which point on which lines hold; None for none."""


def exposition(history: History, targets: AckTargets, more: Mapping[str, str]) -> Iterator[str]:
    """Yield the text piece by piece; each series gets the labels `more` as well.

    Families, names, buckets and labels are those of a scrape. Left out are the gauges of single alerts, which would be
    a series for each alert that there ever was, and the exporter's own metrics: it was not running.
    """
    stamps = history.grid.stamps()
    for family in FLOW_FAMILIES:
        series = _series(family, history, targets, more)
        if series is not None:
            yield _head(family, history)
            for changes in series:
                yield from _told(changes, history.grid, stamps)
    yield "# EOF\n"


def _series(family: Family, history: History, targets: AckTargets, more: Mapping[str, str]) -> Iterator[Changes] | None:
    """Return the series of a family, None where it is not told."""
    total = family.total
    if total is not None:
        return (_total(family, history, series, more) for series in history.totals(total))
    gauges: Mapping[str, Callable[[], Iterable[tuple[Labels, Iterable[tuple[int, float | None]]]]]] = {
        "bkmonitor_flow_ack_target_seconds": lambda: _targets(targets),
        "bkmonitor_flow_open_alerts": history.open_alerts,
        "bkmonitor_flow_oldest_unacked_timestamp_seconds": history.oldest_unacked,
    }
    if family.name not in gauges:
        return None
    return (_gauge(family, extend(labels, **more), values) for labels, values in gauges[family.name]())


def _targets(targets: AckTargets) -> Iterator[tuple[Labels, list[tuple[int, float | None]]]]:
    for target in targets:
        yield make_labels(target.match), [(0, target.within)]


def _total(family: Family, history: History, series: Series, more: Mapping[str, str]) -> Changes:
    for point, values in history.values(series):
        yield (
            point,
            _lines(family.build(_moment(history, series._replace(labels=extend(series.labels, **more)), values))),
        )


def _moment(history: History, series: Series, values: Values) -> Moment:
    """Return a moment at which nothing but this series is told, so that the table of families writes it."""
    source = dict(series.labels)["source"]
    view = View(history.bounds, {series: SeriesTotal(values, revealed=True)}, {}, {(source, 0): 0.0})
    state = SourceState(source, True, True, "", None, 0.0, {}, None)
    return Moment(0.0, view, frozenset(), (state,), birth_hold=0.0)


def _gauge(family: Family, labels: Labels, values: Iterable[tuple[int, float | None]]) -> Changes:
    for point, value in values:
        metric = GaugeMetricFamily(family.name, family.help)
        if value is not None:
            metric.add_sample(family.name, dict(labels), value)
        yield point, _lines(metric) or None


def _told(changes: Changes, grid: Grid, stamps: list[str]) -> Iterator[str]:
    for point, lines in grid.spread(changes):
        if lines is not None:
            yield "".join(f"{line} {stamps[point]}\n" for line in lines)


def _head(family: Family, history: History) -> str:
    nothing = Moment(0.0, View(history.bounds, {}, {}, {}), frozenset(), (), birth_hold=0.0)
    return "".join(f"{line}\n" for line in _text(family.build(nothing)) if line.startswith("#"))


def _lines(metric: Metric) -> list[str]:
    """Return the lines of a metric's samples, without a timestamp."""
    return [line for line in _text(metric) if not line.startswith("#")]


def _text(metric: Metric) -> list[str]:
    """Return the lines of a metric, its HELP and TYPE among them."""
    text = str(generate_latest(_One(metric)).decode())
    return text.removesuffix("# EOF\n").split("\n")[:-1]  # not splitlines: a label may hold other line ends


class _One(Collector):
    """A single metric, in the shape that the client library's encoder takes."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric
