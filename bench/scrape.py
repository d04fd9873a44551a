"""A scrape of 5,000 series through the web application, against rendering and compressing the same at each scrape."""

import gzip
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from bench.timing import Comparison, compare
from exporter.config import HistogramSettings
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.ledger import Series, SeriesTotal, View
from exporter.metrics import FLOW_FAMILIES, Moment, Publisher, SourceState
from exporter.service import bounds
from exporter.web import make_app

_SERIES = 5_000
_SCRAPES = 20


class _EachTime(CollectorRegistry):
    """Builds every family anew, as a collector without a snapshot does."""

    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self._moment = moment

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        for family in FLOW_FAMILIES:
            yield family.build(self._moment)


def run() -> Comparison:
    """Return the comparison."""
    moment = _moment()
    publisher = Publisher(moment, CollectorRegistry(), lambda: 0.0)
    client = make_app(publisher, version="0", telemetry_path="/metrics", alert_url=lambda: None).test_client()
    each_time = _EachTime(moment)
    return compare(
        f"{_SCRAPES} scrapes of {_SERIES} series, gzip: snapshot / rendered each time",
        lambda: [client.get("/metrics", headers={"Accept-Encoding": "gzip"}) for _ in range(_SCRAPES)],
        lambda: [gzip.compress(generate_latest(each_time)) for _ in range(_SCRAPES)],
    )


def _moment() -> Moment:
    totals = {
        Series(
            Total.RECORDS, make_labels({"source": "prod", "operate": f"OP_{number}", "status": "SUCCESS"})
        ): SeriesTotal((float(number),), revealed=True)
        for number in range(_SERIES)
    }
    state = SourceState("prod", True, True, "", None, 0.0, {}, None)
    view = View(bounds(HistogramSettings()), totals, {}, {"prod": 0.0})
    return Moment(0.0, view, frozenset(), (state,), 60.0)
