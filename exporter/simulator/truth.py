"""The truth: what one would count by hand from the rows that can be seen, in the simplest way there is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from exporter.simulator.lives import Life
from exporter.simulator.rows import Row, shown
from exporter.simulator.settings import Dialect

_OUTCOMES = {
    "RECOVER": "recovered",
    "SYSTEM_RECOVER": "recovered",
    "CLOSE": "closed",
    "SYSTEM_CLOSE": "closed",
}
_SEARCHED = {"RECOVERED": "recovered", "CLOSED": "closed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTruth:
    """What the visible rows tell of one alert; times in unix seconds, None where no visible row says it.

    `outcome` and `ended_at` come from the terminal row alone, `search_outcome` from what search_alert knows.
    `records` counts rows by operate, then by status.
    """

    id: str
    team: str
    severity: int
    bk_biz_id: int | str
    is_shielded: bool
    created_at: int
    acked_at: int | None
    first_action_at: int | None
    ended_at: int | None
    outcome: str | None
    ended_in_search: bool
    search_outcome: str | None
    records: dict[str, dict[str, int]]
    anomaly_count: int | None


def truth(lives: Iterable[Life], dialect: Dialect, now: float) -> dict[str, object]:
    """Return the truth at `now` (unix seconds), ready for JSON: each alert under `alerts`, and `totals`."""
    alerts = [_alert_truth(life, dialect, now) for life in lives]
    return {
        "now": now,
        "dialect": dialect,
        "alerts": [asdict(alert) for alert in alerts],
        "totals": _totals(alerts),
    }


def _alert_truth(life: Life, dialect: Dialect, now: float) -> AlertTruth:
    alert, rows = life.alert, shown(life.rows, dialect, now)
    end = next((row for row in rows if row.operate in _OUTCOMES), None)
    ended_in_search = life.ended(now)
    return AlertTruth(
        id=alert.id,
        team=alert.team,
        severity=alert.severity,
        bk_biz_id=alert.bk_biz_id,
        is_shielded=alert.is_shielded,
        created_at=alert.created_at,
        acked_at=_earliest(rows, "ACK"),
        first_action_at=_earliest(rows, "ACTION", "ANOMALY_NOTICE"),
        ended_at=end.at if end else None,
        outcome=_OUTCOMES[end.operate] if end else None,
        ended_in_search=ended_in_search,
        search_outcome=_SEARCHED[life.ended_as] if ended_in_search and life.ended_as else None,
        records=_by_operate_and_status(rows),
        anomaly_count=_anomaly_count(rows) if dialect == "documented" else None,
    )


def _earliest(rows: Sequence[Row], *operates: str) -> int | None:
    return min((row.at for row in rows if row.operate in operates), default=None)


def _by_operate_and_status(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for row in rows:
        by_status = counted.setdefault(row.operate, {})
        by_status[row.status] = by_status.get(row.status, 0) + 1
    return counted


def _anomaly_count(rows: Iterable[Row]) -> int | None:
    counts = [
        cast("int", row.extend_info["anomaly_count"])
        for row in rows
        if row.operate == "CONVERGE" and row.extend_info and "anomaly_count" in row.extend_info
    ]
    return sum(counts) if counts else None


def _totals(alerts: Sequence[AlertTruth]) -> dict[str, object]:
    """Add the alerts up; each of them is in exactly one of `ended`, `ended_in_search_only` and `open`.

    Latencies are sorted, in seconds. The keys "true" and "false" tell whether a visible row acknowledges.
    """
    ended = [alert for alert in alerts if alert.outcome]
    unseen = [alert for alert in alerts if not alert.outcome and alert.ended_in_search]
    still_open = [alert for alert in alerts if not alert.outcome and not alert.ended_in_search]
    return {
        "records": _summed(alerts),
        "time_to_ack": _latencies((alert.acked_at, alert) for alert in alerts),
        "time_to_first_action": _latencies((alert.first_action_at, alert) for alert in alerts),
        "time_to_end": {
            outcome: _latencies((alert.ended_at, alert) for alert in ended if alert.outcome == outcome)
            for outcome in ("recovered", "closed")
        },
        "ended": _by_outcome((alert.outcome, alert) for alert in ended),
        "ended_in_search_only": _by_outcome((alert.search_outcome, alert) for alert in unseen),
        "open": _by_acked(still_open),
    }


def _latencies(moments: Iterable[tuple[int | None, AlertTruth]]) -> list[int]:
    return sorted(at - alert.created_at for at, alert in moments if at is not None)


def _summed(alerts: Iterable[AlertTruth]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for alert in alerts:
        for operate, by_status in alert.records.items():
            for status, count in by_status.items():
                sums = total.setdefault(operate, {})
                sums[status] = sums.get(status, 0) + count
    return total


def _by_outcome(ends: Iterable[tuple[str | None, AlertTruth]]) -> dict[str, dict[str, int]]:
    known = list(ends)
    return {
        "recovered": _by_acked(alert for end, alert in known if end == "recovered"),
        "closed": _by_acked(alert for end, alert in known if end == "closed"),
    }


def _by_acked(alerts: Iterable[AlertTruth]) -> dict[str, int]:
    counted = Counter("false" if alert.acked_at is None else "true" for alert in alerts)
    return {"true": counted["true"], "false": counted["false"]}
