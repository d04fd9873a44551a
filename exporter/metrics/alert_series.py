"""What the families with a series for each alert tell of it, and which alerts have one: the oldest, up to a limit."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from prometheus_client.metrics_core import Metric

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, extend
from exporter.metrics.family import Family, gauge
from exporter.metrics.lines import around, number, own_text
from exporter.metrics.moment import Moment

ANOMALY_COUNT = "bkmonitor_flow_anomaly_count"
UNACKED_SINCE = "bkmonitor_flow_unacked_since_timestamp_seconds"
ALERT_INFO = "bkmonitor_flow_alert_info"

PER_ALERT = (ANOMALY_COUNT, UNACKED_SINCE, ALERT_INFO)
"""The families with a series for each alert."""

_NO_FIELDS: Mapping[str, str] = {}

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AlertGauge:
    """A gauge with a series for each alert that it `has`: its value, and on top of the alert's own labels its id, and
    of a sighting the `fields` of these names.
    """

    has: Callable[[KnownAlert], bool]
    value: Callable[[KnownAlert], float]
    fields: tuple[str, ...] = ()
    total: ClassVar[None] = None

    def among(self, alerts: Iterable[KnownAlert | None]) -> list[KnownAlert | None]:
        """Return the alerts with None in the place of each that has no series."""
        has = self.has
        return [known if known is not None and has(known) else None for known in alerts]

    def lines(self, name: str, alerts: Sequence[KnownAlert | None]) -> Iterator[str]:
        """Yield the line of each alert in the family of this name, empty for None."""
        value, names = self.value, self.fields
        # Alerts share label sets and fields: by identity they are found in a third of the time that hashing them takes.
        frames: dict[tuple[int, int], tuple[str, str]] = {}
        for known in alerts:
            if known is None:
                yield ""
                continue
            fields = _fields(known) if names else _NO_FIELDS
            key = id(known.labels), id(fields)
            frame = frames.get(key)
            if frame is None:
                frame = frames[key] = around(name, "alert_id", self._labels(known))
            yield f"{frame[0]}{own_text(known.alert_id)}{frame[1]}{number(value(known))}\n"

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        alerts = [known for known in moment.read_alerts() if self.has(known)]
        if len(alerts) > moment.alert_series:
            alerts = sorted(alerts, key=seniority)[: moment.alert_series]
        labels = (extend(self._labels(known), alert_id=known.alert_id) for known in alerts)
        return gauge(family, zip(labels, map(self.value, alerts), strict=True))

    def _labels(self, known: KnownAlert) -> Labels:
        """Return the labels of an alert's series but its id."""
        fields = _fields(known)
        return extend(known.labels, **{name: fields.get(name, "") for name in self.fields})


def _fields(known: KnownAlert) -> Mapping[str, str]:
    return _NO_FIELDS if known.sighting is None else known.sighting.fields


def created_at(known: KnownAlert) -> float:
    """Return when an alert was created, in unix seconds, or first seen where that is not known."""
    true_created_at = known.true_created_at
    return known.first_seen_at if true_created_at is None else true_created_at


def is_unacked(known: KnownAlert) -> bool:
    """Whether an alert is open, of known creation, acknowledged by nobody and not shielded."""
    return known.created_at is not None and known.is_open and not known.is_acked and not known.is_shielded


def seniority(known: KnownAlert) -> tuple[float, Key]:
    """Return by what alerts are sorted where not all can have a series; the oldest matter most to who is paged."""
    return created_at(known), known.key


def _tells_points(known: KnownAlert) -> bool:
    return known.anomaly_count is not None and known.is_open


def _points(known: KnownAlert) -> float:
    return known.anomaly_count or 0


def _is_open(known: KnownAlert) -> bool:
    return known.is_open


ANOMALY_POINTS = AlertGauge(_tells_points, _points)
"""The anomaly points of each open alert whose records tell them."""
UNACKED = AlertGauge(is_unacked, created_at)
"""The creation of each open alert that waits for somebody; shielded ones wait for nobody."""
INFO = AlertGauge(_is_open, lambda _known: 1.0, ("alert_name", "strategy_id", "strategy_name"))
"""1 for each open alert, with what a search tells of its name and strategy."""
