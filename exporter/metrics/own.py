"""What the exporter counts of its own doing, in this process: polls, requests, commits."""

import threading
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from exporter.metrics import instruments
from exporter.metrics.alert_series import PER_ALERT
from exporter.metrics.instruments import Instrument
from exporter.metrics.moment import Asked

LABEL_SETS = "label_sets"
"""Stands for the limit of that name among the metrics that lose series."""

_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class OwnMetrics(Collector):
    """The instruments of this process; known label values start at 0."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._gauge(instruments.BUILD_INFO).labels(version).set(1)
        self._polls = self._counter(instruments.POLLS)
        self._failures = self._counter(instruments.POLL_FAILURES)
        self._requests = self._counter(instruments.REQUESTS)
        self._request_seconds = self._histogram(instruments.REQUEST_SECONDS, _REQUEST_BUCKETS)
        self._throttled = self._counter(instruments.THROTTLED)
        self._commits = self._counter(instruments.COMMITS)
        self._commit_seconds = self._histogram(instruments.COMMIT_SECONDS, _COMMIT_BUCKETS)
        self._dropped = self._counter(instruments.DROPPED)
        for metric in (*PER_ALERT, LABEL_SETS):
            self._dropped.labels(metric)
        self._removing = threading.Lock()
        self._removed: set[str] = set()
        self._shards_owned = self._gauge(instruments.SHARDS_OWNED)
        self._members = self._gauge(instruments.MEMBERS)
        self.membership(shards_owned=1, members=1)
        self._reload_successful = self._gauge(instruments.RELOAD_SUCCESSFUL)
        self._reload_time = self._gauge(instruments.RELOAD_TIME)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def add_source(self, source: str, reasons: Iterable[str], endpoints: Iterable[str]) -> None:
        """Start the series of a source at 0; `reasons` are why a poll can fail."""
        self._removed.discard(source)
        self._polls.labels(source)
        self._throttled.labels(source)
        for reason in reasons:
            self._failures.labels(source, reason)
        for endpoint in endpoints:
            self._requests.labels(source, endpoint, "200")
            self._request_seconds.labels(source, endpoint)

    def remove_source(self, source: str) -> None:
        """End the series of a source; requests that are still under way do not bring them back."""
        with self._removing:
            self._removed.add(source)
            for metric in (self._polls, self._failures, self._requests, self._request_seconds, self._throttled):
                metric.remove_by_labels({"source": source})

    def polled(self, source: str) -> None:
        """Count a poll."""
        self._polls.labels(source).inc()

    def poll_failed(self, source: str, reason: str) -> None:
        """Count a poll that failed."""
        self._failures.labels(source, reason).inc()

    def requested(self, source: str, endpoint: str, code: str, seconds: float) -> None:
        """Count and time an HTTP request."""
        with self._removing:
            if source not in self._removed:
                self._requests.labels(source, endpoint, code).inc()
                self._request_seconds.labels(source, endpoint).observe(seconds)

    def throttled(self, source: str, seconds: float) -> None:
        """Add the time that due polls waited for the rate limit."""
        self._throttled.labels(source).inc(seconds)

    def committed(self, seconds: float) -> None:
        """Count and time a commit."""
        self._commits.inc()
        self._commit_seconds.observe(seconds)

    def series_dropped(self, metric: str, alerts: int) -> None:
        """Count alerts without a series in a family of `PER_ALERT`, or, as `LABEL_SETS`, without their own labels."""
        self._dropped.labels(metric).inc(alerts)

    def membership(self, shards_owned: int, members: int) -> None:
        """Note how many shards this exporter has, and how many exporters share the ledger."""
        self._shards_owned.set(shards_owned)
        self._members.set(members)

    def config_loaded(self, at: float) -> None:
        """Note a good load of the config at `at` (unix seconds)."""
        self._reload_successful.set(1)
        self._reload_time.set(at)

    def config_refused(self) -> None:
        """Note a load of the config that failed."""
        self._reload_successful.set(0)

    def collect(self) -> Iterator[Metric]:
        """Yield the families without `_created` lines, which double the series and tell nothing about a process."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric

    def asked(self, source: str) -> Asked:
        """Return what a source was asked; any thread may ask. The pace is not known here."""
        polls = sum(amount for _, amount in _of(source, self._polls))
        failures = {labels["reason"]: amount for labels, amount in _of(source, self._failures)}
        requests = {(labels["endpoint"], labels["code"]): amount for labels, amount in _of(source, self._requests)}
        return Asked(polls, failures, requests)

    def _counter(self, row: Instrument) -> Counter:
        return Counter(row.name, row.help, row.doc.labels, registry=self._registry)

    def _gauge(self, row: Instrument) -> Gauge:
        return Gauge(row.name, row.help, row.doc.labels, registry=self._registry)

    def _histogram(self, row: Instrument, buckets: Iterable[float]) -> Histogram:
        return Histogram(row.name, row.help, row.doc.labels, buckets=tuple(buckets), registry=self._registry)


def _of(source: str, counter: Counter) -> Iterator[tuple[dict[str, str], int]]:
    for metric in counter.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total") and sample.labels["source"] == source:
                yield sample.labels, int(sample.value)
