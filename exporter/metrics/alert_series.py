"""What the families with a series for each alert tell of it, and which alerts have one: the oldest, up to a limit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from prometheus_client.metrics_core import Metric

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, extend
from exporter.metrics.family import Family, gauge
from exporter.metrics.lines import sample_line
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
    """A gauge with a series for each alert that it `has`: its value, and the labels on top of the alert's own, of which
    the first is its id.
    """

    has: Callable[[KnownAlert], bool]
    value: Callable[[KnownAlert], float]
    names: tuple[str, ...]
    texts: Callable[[KnownAlert], tuple[str, ...]]
    total: ClassVar[None] = None

    def line(self, name: str, known: KnownAlert) -> str:
        """Return the line of an alert in the family of this name."""
        return sample_line(name, known.labels, self.value(known), self.names, self.texts(known))

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        alerts = [known for known in moment.read_alerts() if self.has(known)]
        if len(alerts) > moment.alert_series:
            alerts = sorted(alerts, key=seniority)[: moment.alert_series]
        return gauge(family, ((self._labels(known), self.value(known)) for known in alerts))

    def _labels(self, known: KnownAlert) -> Labels:
        return extend(known.labels, **dict(zip(self.names, self.texts(known), strict=True)))


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


def _id(known: KnownAlert) -> tuple[str, ...]:
    return (known.alert_id,)


def _id_and_names(known: KnownAlert) -> tuple[str, ...]:
    fields = _NO_FIELDS if known.sighting is None else known.sighting.fields
    return known.alert_id, fields.get("alert_name", ""), fields.get("strategy_id", ""), fields.get("strategy_name", "")


ANOMALY_POINTS = AlertGauge(_tells_points, _points, ("alert_id",), _id)
"""The anomaly points of each open alert whose records tell them."""
UNACKED = AlertGauge(is_unacked, created_at, ("alert_id",), _id)
"""The creation of each open alert that waits for somebody; shielded ones wait for nobody."""
INFO = AlertGauge(
    _is_open, lambda _known: 1.0, ("alert_id", "alert_name", "strategy_id", "strategy_name"), _id_and_names
)
"""1 for each open alert, with what a search tells of its name and strategy."""
