"""What the families with a series for each alert tell of it, and which alerts have one: the oldest, up to a limit."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
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


class Alike:
    """Open alerts, and which of them have the same labels and the same fields: those differ by their ids alone.

    `ids` are their ids as they stand in a line. `kinds` are numbers, the same for those that are alike; `examples` has
    one alert of each kind.
    """

    def __init__(self, alerts: Sequence[KnownAlert]) -> None:
        self.ids = [own_text(known.alert_id) for known in alerts]
        # Alerts share label sets and fields: by identity they are found in a third of the time that hashing them takes.
        numbers: dict[tuple[int, int], int] = {}
        self.kinds = [numbers.setdefault((id(known.labels), id(_fields(known))), len(numbers)) for known in alerts]
        self.examples = dict(zip(self.kinds, alerts, strict=True))


@dataclass(frozen=True, slots=True)
class AlertGauge:
    """A gauge with a series for each open alert that has a `value`; on top of the alert's own labels that has its id
    and, of a sighting, the `fields` of these names.
    """

    value: Callable[[KnownAlert], float | None]
    fields: tuple[str, ...] = ()
    total: ClassVar[None] = None

    def values(self, alerts: Iterable[KnownAlert | None]) -> list[float | None]:
        """Return the values of open alerts, None where one has no series, and in the place of None."""
        value = self.value
        return [None if known is None else value(known) for known in alerts]

    def members(self, alerts: Iterable[KnownAlert]) -> list[KnownAlert]:
        """Return the alerts that have a series."""
        return [known for known in alerts if known.is_open and self.value(known) is not None]

    def lines(self, name: str, alike: Alike, values: Iterable[float | None]) -> Iterator[str]:
        """Yield the line of each alert in the family of this name with its value, empty where that is None."""
        frames = {kind: around(name, "alert_id", self._labels(known)) for kind, known in alike.examples.items()}
        told = zip(map(frames.__getitem__, alike.kinds), alike.ids, values, strict=True)
        return ("" if value is None else f"{head}{id_}{tail}{number(value)}\n" for (head, tail), id_, value in told)

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        alerts = self.members(moment.read_alerts())
        if len(alerts) > moment.alert_series:
            alerts = sorted(alerts, key=seniority)[: moment.alert_series]
        labels = (extend(self._labels(known), alert_id=known.alert_id) for known in alerts)
        told = zip(labels, self.values(alerts), strict=True)
        return gauge(family, ((each, value) for each, value in told if value is not None))

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


def waiting_since(known: KnownAlert) -> float | None:
    """Return since when an open alert waits for somebody, in unix seconds.

    None for one that somebody acknowledged, for a shielded one, which waits for nobody, and where no creation is known.
    """
    return None if known.created_at is None or known.is_acked or known.is_shielded else created_at(known)


def seniority(known: KnownAlert) -> tuple[float, Key]:
    """Return by what alerts are sorted where not all can have a series; the oldest matter most to who is paged."""
    return created_at(known), known.key


ANOMALY_POINTS = AlertGauge(attrgetter("anomaly_count"))
"""The anomaly points of each open alert whose records tell them."""
UNACKED = AlertGauge(waiting_since)
"""The creation of each open alert that waits for somebody."""
INFO = AlertGauge(lambda _known: 1.0, ("alert_name", "strategy_id", "strategy_name"))
"""1 for each open alert, with what a search tells of its name and strategy."""
