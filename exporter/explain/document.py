"""An explanation as JSON; docs/explain.md tells the shape, which only grows."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from exporter.explain.model import (
    Added,
    Comparison,
    CountCompared,
    Deadline,
    Explanation,
    MilestoneTold,
    Step,
    TimeCompared,
)
from exporter.explain.times import Zones
from exporter.flow.known import KnownAlert

Object = dict[str, Any]


def as_json(told: Explanation, zones: Zones) -> Object:
    """Return the explanation as what `json.dumps` takes; each time is told in unix seconds and in both zones."""
    standing = told.standing
    return {
        "source": told.source,
        "alert_id": told.alert_id,
        "explained_at": _time(told.now, zones),
        "labels": dict(told.labels),
        "fields": dict(told.fields),
        "counts_from": _time(told.counts_from, zones),
        "state": standing.state,
        "since": _time(standing.since, zones),
        "outcome": standing.outcome,
        "acked": standing.is_acked,
        "shielded": standing.is_shielded,
        "created": {"at": _time(standing.creation.at, zones), "by": standing.creation.by},
        "deadline": _deadline(standing.deadline, zones),
        "ledger": {"told": told.ledger, "alert": _known(told.known, told.milestones, zones)},
        "log": {"told": told.log, "flow": None if told.steps is None else [_step(step, zones) for step in told.steps]},
        "comparison": _comparison(told.comparison, zones),
        "notes": list(told.notes),
    }


def _time(at: float | None, zones: Zones) -> Object | None:
    if at is None or not isfinite(at):
        return None
    return {"unix": at, "local": zones.locally(at).isoformat(), "server": zones.at_server(at).isoformat()}


def _deadline(deadline: Deadline | None, zones: Zones) -> Object | None:
    if deadline is None:
        return None
    return {
        "target_seconds": deadline.target,
        "due_at": _time(deadline.due_at, zones),
        "result": deadline.result,
        "at": _time(deadline.at, zones),
    }


def _known(known: KnownAlert | None, milestones: Iterable[MilestoneTold], zones: Zones) -> Object | None:
    if known is None:
        return None
    return {
        "first_seen_at": _time(known.first_seen_at, zones),
        "read_at": _time(known.read_at, zones),
        "counted": dict(sorted(known.counted.items())),
        "rejected": dict(sorted(known.rejected.items())),
        "anomaly_count": known.anomaly_count,
        "milestones": [_milestone(milestone, zones) for milestone in milestones],
    }


def _milestone(milestone: MilestoneTold, zones: Zones) -> Object:
    return {
        "name": milestone.name,
        "at": _time(milestone.at, zones),
        "metric": milestone.metric,
        "told": milestone.told,
        "seconds": milestone.seconds,
        "le": milestone.le,
    }


def _step(step: Step, zones: Zones) -> Object:
    record = step.record
    return {
        "kind": step.kind,
        "at": _time(step.at, zones),
        "operate": None if record is None else record.operate,
        "status": None if record is None else record.status,
        "anomaly_count": None if record is None else record.anomaly_count,
        "adds": [_added(added) for added in step.adds],
        "why": list(step.why),
        "in_ledger": step.in_ledger,
    }


def _added(added: Added) -> Object:
    told: Object = {"metric": added.metric, "labels": dict(added.labels), "amount": added.amount}
    return told if added.seconds is None else told | {"seconds": added.seconds, "le": added.le}


def _comparison(comparison: Comparison | None, zones: Zones) -> Object | None:
    if comparison is None:
        return None
    return {
        "agrees": comparison.agrees,
        "counts": [_count(count) for count in comparison.counts],
        "times": [_times(time, zones) for time in comparison.times],
        "deadline_why": comparison.deadline_why,
        "next_read": [_added(added) for added in comparison.next_read],
    }


def _count(count: CountCompared) -> Mapping[str, object]:
    return {"name": count.name, "counted": count.counted, "shown": count.shown, "why": count.why}


def _times(time: TimeCompared, zones: Zones) -> Mapping[str, object]:
    return {"name": time.name, "ledger": _time(time.ledger, zones), "log": _time(time.log, zones), "why": time.why}
