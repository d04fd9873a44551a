"""A scrape of 50,000 series, gzip, against the client library's rendering and compressing of the same samples.

Ours goes through the web application; where something changed, it includes the making of the new snapshot.
"""

import gzip
import random
from collections.abc import Iterator
from dataclasses import replace

from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from bench.timing import Comparison, at_most, compare
from exporter.config import HistogramSettings
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.ledger import Series, SeriesTotal, View
from exporter.metrics import FLOW_FAMILIES, Form, Format, Moment, Publisher, Renderer, Snapshot, SourceState
from exporter.service import bounds
from exporter.web.app import make_app

_SERIES = 50_000
_CHANGED = _SERIES // 100
_OPERATES = 8
_WAYS = "ours / generate_latest and gzip.compress"
_GZIP = {"Accept-Encoding": "gzip"}


class _EachTime(CollectorRegistry):
    """Builds every family anew, as a collector without a snapshot does."""

    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self._moment = moment

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        for family in FLOW_FAMILIES:
            yield family.build(self._moment)


class _Changing:
    """A renderer that is told of moment after moment, in each of which some series have changed at random."""

    def __init__(self, moment: Moment) -> None:
        self._renderer = Renderer(CollectorRegistry())
        self._pick = random.Random(7)  # noqa: S311 - a benchmark
        self._moments = [moment]
        self._renderer.render(moment).body(Form(Format.TEXT, is_gzipped=True))

    def prepare(self, rounds: int) -> None:
        """Make the next moments, which is the poller's work and not timed here."""
        for _ in range(rounds):
            last = self._moments[-1]
            totals = dict(last.view.totals)
            for series in self._pick.sample(list(totals), _CHANGED):
                totals[series] = replace(totals[series], values=(totals[series].values[0] + 1,))
            self._moments.append(replace(last, view=replace(last.view, totals=totals)))
        self._coming = iter(self._moments[1:])

    def next(self) -> Snapshot:
        """Return the snapshot of the next moment with its compressed body made."""
        snapshot = self._renderer.render(next(self._coming))
        snapshot.body(Form(Format.TEXT, is_gzipped=True))
        return snapshot


def run() -> Iterator[Comparison]:
    """Yield the comparisons."""
    moment = _moment()
    client, each_time = _client(moment), _EachTime(moment)
    client.get("/metrics", headers=_GZIP)
    yield compare(
        f"scrape of {_SERIES:,} series, gzip, unchanged since the last: {_WAYS}",
        lambda: client.get("/metrics", headers=_GZIP),
        lambda: gzip.compress(generate_latest(each_time)),
        asked=at_most(0.01),
    )
    changing = _Changing(moment)
    changing.prepare(rounds=5)
    yield compare(
        f"snapshot and body of {_SERIES:,} series, gzip, {_CHANGED:,} changed at random: {_WAYS}",
        changing.next,
        lambda: gzip.compress(generate_latest(each_time)),
        rounds=5,
        asked=at_most(0.1),
    )


def _client(moment: Moment) -> FlaskClient:
    publisher = Publisher(moment, CollectorRegistry(), lambda: 0.0)
    return make_app(publisher, version="0", telemetry_path="/metrics", alert_url=lambda: None).test_client()


def _moment() -> Moment:
    totals = {
        Series(
            Total.RECORDS,
            make_labels(
                {
                    "source": "prod",
                    "bk_biz_id": str(number // _OPERATES),
                    "severity": "fatal",
                    "operate": f"OP_{number % _OPERATES}",
                    "status": "SUCCESS",
                }
            ),
        ): SeriesTotal((float(number),), revealed=True)
        for number in range(_SERIES)
    }
    state = SourceState("prod", True, True, "", None, 0.0, {}, None)
    view = View(bounds(HistogramSettings()), totals, {}, {("prod", 0): 0.0})
    return Moment(0.0, view, frozenset(), (state,), 60.0)
