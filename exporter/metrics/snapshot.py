"""The snapshot: the bodies of a scrape's answer, ready to hand out."""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from prometheus_client.exposition import generate_latest as text_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.registry import Collector

from exporter.ledger import Series
from exporter.metrics.families import FLOW_FAMILIES, OWN_FAMILIES
from exporter.metrics.moment import Moment

_GZIP_LEVEL = 5  # half the time of the library's 9, and within a few per cent of its size on expositions


class Format(Enum):
    """An exposition format, by its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that scrapes get until the next snapshot; every body tells the same moment."""

    moment: Moment
    newborn: tuple[Series, ...]
    plain: dict[Format, bytes]
    gzipped: dict[Format, bytes]


def take(moment: Moment, own: Collector) -> Snapshot:
    """Return the snapshot of `moment`, with what the registry `own` tells of this process."""
    families = _Families([*(family.build(moment) for family in (*FLOW_FAMILIES, *OWN_FAMILIES)), *own.collect()])
    plain = {Format.TEXT: text_latest(families), Format.OPENMETRICS: openmetrics_latest(families)}
    gzipped = {format_: gzip.compress(body, _GZIP_LEVEL, mtime=0) for format_, body in plain.items()}
    return Snapshot(moment, moment.newborn(), plain, gzipped)


class _Families(Collector):
    """Families that are built already, in the shape that the client library's encoders take."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)
