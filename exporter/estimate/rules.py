"""The rules: how many series each flow family makes of the alerts that were seen. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sized
from dataclasses import dataclass

from exporter.estimate.asking import SeenAlert
from exporter.flow.deadlines import COUNTED_RESULTS, AckTargets
from exporter.flow.labels import Labels, make_labels
from exporter.flow.observations import Total
from exporter.flow.records import Operate
from exporter.flow.sightings import Outcome

NOTICE_STATUSES = ("SUCCESS", "PARTIAL_SUCCESS", "FAILED", "RUNNING", "SHIELDED")
FURTHER_OPERATES = ("DELAY_RECOVER", "ABORT_RECOVER", "SEVERITY_UP", "RECOVERING", "EVENT_DROP", "ALERT_QOS")
RECORD_KINDS = len(Operate) + len(FURTHER_OPERATES) + len(NOTICE_STATUSES) - 1
"""The pairs of operate and status that a label set may come to: each operate that the API documents or that servers
were seen to write, as SUCCESS, and the further statuses of a notice (api.md)."""

_END_RECORDS = {Outcome.RECOVERED: Operate.RECOVER, Outcome.CLOSED: Operate.CLOSE}
_ENDS = (Outcome.RECOVERED, Outcome.CLOSED)
_OPEN_ALERTS_EACH = 4  # acked or not, shielded or not
_BESIDE_BOUNDS = 3  # the bucket le="+Inf", _count and _sum


@dataclass(frozen=True, slots=True)
class Layout:
    """What the config says of the series: bucket bounds, ack targets, the two limits, and `web.created_series`."""

    bounds: Mapping[Total, tuple[float, ...]]
    targets: AckTargets
    alert_series: int
    label_sets: int
    created_series: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The series of one metric: `now`, as far as it can be told without a log, and at `most` once each label set has
    had every kind of event. `counted_as` says how `most` was counted.
    """

    metric: str
    now: int
    most: int
    counted_as: str


class Scene:
    """The alerts that were seen, grouped as their series are; `with_target` are the label sets with an ack target."""

    def __init__(self, alerts: Collection[SeenAlert], layout: Layout, with_target: Collection[Labels]) -> None:
        self.alerts = alerts
        self.layout = layout
        self.with_target = len(with_target)
        self.label_sets = self.sets(alerts)
        self.open = [alert for alert in alerts if alert.is_open]
        self.unacked = [alert for alert in self.open if not alert.is_acked and not alert.is_shielded]

    @staticmethod
    def sets(alerts: Iterable[SeenAlert]) -> int:
        """Return how many label sets these alerts have."""
        return len({alert.labels for alert in alerts})

    def capped(self, alerts: Sized) -> int:
        """Return how many of these alerts the limit lets have a series of their own in a metric."""
        return min(len(alerts), self.layout.alert_series)

    def with_created(self, series: int, of: int) -> int:
        """Return `series` and, where the config wants them, a `_created` for each of `of` counters or histograms."""
        return series + (of if self.layout.created_series else 0)


Rule = Callable[[str, Scene], Row]


def _records(metric: str, scene: Scene) -> Row:
    kinds = {(alert.labels, operate) for alert in scene.alerts for operate in _likely_operates(alert)}
    most = scene.label_sets * RECORD_KINDS
    counted_as = f"{RECORD_KINDS} operates and statuses for each label set"
    return Row(metric, len(kinds), scene.with_created(most, most), counted_as)


def _likely_operates(alert: SeenAlert) -> Iterable[Operate]:
    yield Operate.CREATE
    yield Operate.CONVERGE
    if not alert.is_shielded:
        yield Operate.ACTION
    if alert.is_acked:
        yield Operate.ACK
    outcome = None if alert.sighting is None else alert.sighting.outcome
    if outcome in _END_RECORDS:
        yield _END_RECORDS[outcome]


def _histogram(total: Total, has_event: Callable[[SeenAlert], bool]) -> Rule:
    def rule(metric: str, scene: Scene) -> Row:
        each = len(scene.layout.bounds[total]) + _BESIDE_BOUNDS
        now = scene.sets(alert for alert in scene.alerts if has_event(alert)) * each
        counted_as = f"{each} for each label set: {each - 2} buckets, count and sum"
        return Row(metric, now, scene.with_created(scene.label_sets * each, scene.label_sets), counted_as)

    return rule


def _time_to_end(metric: str, scene: Scene) -> Row:
    each = len(scene.layout.bounds[Total.TIME_TO_END]) + _BESIDE_BOUNDS
    ended = {(alert.labels, alert.sighting.outcome) for alert in scene.alerts if alert.sighting and not alert.is_open}
    counted_as = f"{each} for each label set and outcome ({len(_ENDS)})"
    of = scene.label_sets * len(_ENDS)
    return Row(metric, len(ended) * each, scene.with_created(of * each, of), counted_as)


def _alerts_ended(metric: str, scene: Scene) -> Row:
    ended = {
        (alert.labels, alert.sighting.outcome, alert.is_acked)
        for alert in scene.alerts
        if alert.sighting and not alert.is_open
    }
    most = scene.label_sets * 2 * len(Outcome)
    counted_as = f"{len(Outcome)} outcomes, acknowledged or not, for each label set"
    return Row(metric, len(ended), scene.with_created(most, most), counted_as)


def _ack_deadlines(metric: str, scene: Scene) -> Row:
    series = scene.with_target * len(COUNTED_RESULTS)
    counted_as = f"{len(COUNTED_RESULTS)} for each of {scene.with_target} label set(s) with a target"
    return Row(metric, series, scene.with_created(series, series), counted_as)


def _ack_targets(metric: str, scene: Scene) -> Row:
    targets = len({make_labels(target.match) for target in scene.layout.targets})
    return Row(metric, targets, targets, "1 for each target")


def _open_alerts(metric: str, scene: Scene) -> Row:
    series = scene.label_sets * _OPEN_ALERTS_EACH
    return Row(metric, series, series, f"{_OPEN_ALERTS_EACH} for each label set: acknowledged or not, shielded or not")


def _oldest_unacked(metric: str, scene: Scene) -> Row:
    return Row(metric, scene.sets(scene.unacked), scene.label_sets, "1 for each label set")


def _unacked_since(metric: str, scene: Scene) -> Row:
    return Row(metric, scene.capped(scene.unacked), scene.capped(scene.open), "1 for each open alert")


def _per_open_alert(metric: str, scene: Scene) -> Row:
    series = scene.capped(scene.open)
    return Row(metric, series, series, "1 for each open alert")


RULES: Mapping[str, Rule] = {
    "bkmonitor_flow_records_total": _records,
    "bkmonitor_flow_anomaly_count": _per_open_alert,
    "bkmonitor_flow_time_to_ack_seconds": _histogram(Total.TIME_TO_ACK, lambda alert: alert.is_acked),
    "bkmonitor_flow_time_to_first_action_seconds": _histogram(
        Total.TIME_TO_FIRST_ACTION, lambda alert: not alert.is_shielded
    ),
    "bkmonitor_flow_time_to_end_seconds": _time_to_end,
    "bkmonitor_flow_alerts_ended_total": _alerts_ended,
    "bkmonitor_flow_ack_deadlines_total": _ack_deadlines,
    "bkmonitor_flow_ack_target_seconds": _ack_targets,
    "bkmonitor_flow_open_alerts": _open_alerts,
    "bkmonitor_flow_oldest_unacked_timestamp_seconds": _oldest_unacked,
    "bkmonitor_flow_unacked_since_timestamp_seconds": _unacked_since,
    "bkmonitor_flow_alert_info": _per_open_alert,
}
"""How the series of each flow family are counted, by the name under which it is served."""
