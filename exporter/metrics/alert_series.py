"""Which alerts have a series in each family of single alerts: those created first, up to a limit."""

from collections.abc import Callable, Iterator, Mapping

from exporter.flow.known import KnownAlert
from exporter.metrics.moment import Moment

ANOMALY_COUNT = "bkmonitor_flow_anomaly_count"
UNACKED_SINCE = "bkmonitor_flow_unacked_since_timestamp_seconds"
ALERT_INFO = "bkmonitor_flow_alert_info"

Key = tuple[str, str]


def created_at(known: KnownAlert) -> float:
    """Return when an alert was created, in unix seconds, or first seen where that is not known."""
    return known.first_seen_at if known.true_created_at is None else known.true_created_at


def unacked(moment: Moment) -> Iterator[KnownAlert]:
    """Yield the open alerts of known creation that nobody acknowledged and that are not shielded."""
    for known in moment.open_alerts():
        if known.created_at is not None and not known.is_acked and not known.is_shielded:
            yield known


def _counted(moment: Moment) -> Iterator[KnownAlert]:
    return (known for known in moment.open_alerts() if known.anomaly_count is not None)


_CANDIDATES: Mapping[str, Callable[[Moment], Iterator[KnownAlert]]] = {
    ANOMALY_COUNT: _counted,
    UNACKED_SINCE: unacked,
    ALERT_INFO: Moment.open_alerts,
}


PER_ALERT = tuple(_CANDIDATES)
"""The families with a series for each alert."""


def kept(family: str, moment: Moment) -> list[KnownAlert]:
    """Return the alerts with a series in `family`; the oldest are kept, since they matter most to who is paged."""
    alerts = list(_CANDIDATES[family](moment))
    if len(alerts) <= moment.alert_series:
        return alerts
    return sorted(alerts, key=lambda known: (created_at(known), known.key))[: moment.alert_series]


def dropped(family: str, moment: Moment) -> frozenset[Key]:
    """Return the alerts without a series in `family` for the limit's sake."""
    candidates = frozenset(known.key for known in _CANDIDATES[family](moment))
    if len(candidates) <= moment.alert_series:
        return frozenset()
    return candidates - {known.key for known in kept(family, moment)}


class DroppedAlerts:
    """Counts, once per family, each alert that has no series there for the limit's sake.

    `count` gets the family and how many more. An alert is remembered as counted until it rests.
    """

    def __init__(self, count: Callable[[str, int], None]) -> None:
        self._count = count
        self._counted: dict[str, frozenset[Key]] = dict.fromkeys(_CANDIDATES, frozenset())

    def note(self, moment: Moment) -> None:
        """Count what is new in `moment`, before it is rendered."""
        for family, before in self._counted.items():
            now = dropped(family, moment)
            if new := now - before:
                self._count(family, len(new))
            self._counted[family] = frozenset(key for key in before | now if key in moment.view.alerts)
