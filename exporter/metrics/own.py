"""What the exporter counts of its own doing, in this process: polls, requests, commits."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

_PREFIX = "bkmonitor_flow_exporter_"
_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class OwnMetrics(Collector):
    """The instruments of this process; known label values start at 0."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        build_info = self._gauge("build_info", "The running version, always 1.", ["version"])
        build_info.labels(version).set(1)
        self._polls = self._counter("polls", "Polls of an alert's log.", ["source"])
        self._failures = self._counter("poll_failures", "Polls that failed, by reason.", ["source", "reason"])
        self._requests = self._counter(
            "requests", "HTTP requests to the source, by endpoint and status code.", ["source", "endpoint", "code"]
        )
        self._request_seconds = self._histogram(
            "request_duration_seconds", "Duration of HTTP requests.", _REQUEST_BUCKETS, ["source", "endpoint"]
        )
        self._throttled = self._counter(
            "throttled_seconds", "Time that due polls waited for the rate limit.", ["source"]
        )
        self._commits = self._counter("ledger_commits", "Transactions committed to the ledger.")
        self._commit_seconds = self._histogram(
            "ledger_commit_duration_seconds", "Duration of commits to the ledger.", _COMMIT_BUCKETS
        )
        self._reload_successful = self._gauge(
            "config_last_reload_successful", "Whether the last load of the config succeeded."
        )
        self._reload_time = self._gauge(
            "config_last_reload_success_timestamp_seconds", "Unix time of the last good load of the config."
        )
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def add_source(self, source: str, reasons: Iterable[str], endpoints: Iterable[str]) -> None:
        """Start the series of a source at 0; `reasons` are why a poll can fail."""
        self._polls.labels(source)
        self._throttled.labels(source)
        for reason in reasons:
            self._failures.labels(source, reason)
        for endpoint in endpoints:
            self._requests.labels(source, endpoint, "200")
            self._request_seconds.labels(source, endpoint)

    def polled(self, source: str) -> None:
        """Count a poll."""
        self._polls.labels(source).inc()

    def poll_failed(self, source: str, reason: str) -> None:
        """Count a poll that failed."""
        self._failures.labels(source, reason).inc()

    def requested(self, source: str, endpoint: str, code: str, seconds: float) -> None:
        """Count and time an HTTP request."""
        self._requests.labels(source, endpoint, code).inc()
        self._request_seconds.labels(source, endpoint).observe(seconds)

    def throttled(self, source: str, seconds: float) -> None:
        """Add the time that due polls waited for the rate limit."""
        self._throttled.labels(source).inc(seconds)

    def committed(self, seconds: float) -> None:
        """Count and time a commit."""
        self._commits.inc()
        self._commit_seconds.observe(seconds)

    def config_loaded(self, at: float) -> None:
        """Note a good load of the config at `at` (unix seconds)."""
        self._reload_successful.set(1)
        self._reload_time.set(at)

    def collect(self) -> Iterator[Metric]:
        """Yield the families without `_created` lines, which double the series and tell nothing about a process."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric

    def _counter(self, name: str, documentation: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(_PREFIX + name, documentation, labels, registry=self._registry)

    def _gauge(self, name: str, documentation: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(_PREFIX + name, documentation, labels, registry=self._registry)

    def _histogram(
        self, name: str, documentation: str, buckets: Iterable[float], labels: Iterable[str] = ()
    ) -> Histogram:
        return Histogram(_PREFIX + name, documentation, labels, buckets=tuple(buckets), registry=self._registry)
