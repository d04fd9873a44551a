"""The truth: what one would count by hand from the rows that can be seen, in the simplest way there is."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from exporter.simulator.lives import Alert, Life
from exporter.simulator.rows import Row, shown
from exporter.simulator.settings import Dialect

_OUTCOMES = {
    "RECOVER": "recovered",
    "SYSTEM_RECOVER": "recovered",
    "CLOSE": "closed",
    "SYSTEM_CLOSE": "closed",
}
_SEARCHED = {"RECOVERED": "recovered", "CLOSED": "closed"}
_FLAGS = {True: "true", False: "false"}
_RESULTS = ("met", "missed", "ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How ack deadlines are counted, and whether searches are believed.

    `within` tells in how many seconds an alert must be acknowledged, None for no target; `at` is when that is judged,
    in unix seconds, None for now. `searched`: where no visible row tells an acknowledgement or an end, what
    search_alert knows of it holds, and shielded alerts, which only a search can tell, come to no result.
    """

    within: Callable[[Alert], float | None] = lambda _: None
    at: float | None = None
    searched: bool = False


NO_TARGETS = Judgement()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTruth:
    """What the visible rows tell of one alert; times in unix seconds, None where no visible row says it.

    `outcome` and `ended_at` come from the terminal row, and from search_alert only where the truth is `searched`;
    `search_outcome` is what that knows. `is_acked` tells whether somebody acknowledged it, no later than it ended.
    `is_shielded` is False where no search is believed. `records` counts rows by operate, then by status.
    `deadline_result` is `met`, `missed` or `ended`, None for none (yet).
    """

    id: str
    team: str
    severity: int
    bk_biz_id: int | str
    alert_name: str
    strategy_id: int | None
    strategy_name: str | None
    is_shielded: bool
    is_acked: bool
    created_at: int
    acked_at: int | None
    first_action_at: int | None
    ended_at: int | None
    outcome: str | None
    ended_in_search: bool
    search_outcome: str | None
    records: dict[str, dict[str, int]]
    anomaly_count: int | None
    ack_target: float | None
    deadline_result: str | None

    @property
    def is_open(self) -> bool:
        """Whether neither a row nor a search tells an end."""
        return not self.outcome and not self.ended_in_search


def truth(lives: Iterable[Life], dialect: Dialect, now: float, judgement: Judgement = NO_TARGETS) -> dict[str, object]:
    """Return the truth at `now` (unix seconds), ready for JSON: each alert under `alerts`, and `totals`."""
    alerts = [_alert_truth(life, dialect, now, judgement) for life in lives]
    return {
        "now": now,
        "dialect": dialect,
        "searched": judgement.searched,
        "alerts": [asdict(alert) for alert in alerts],
        "totals": _totals(alerts),
    }


def _alert_truth(life: Life, dialect: Dialect, now: float, judgement: Judgement) -> AlertTruth:
    alert, rows = life.alert, shown(life.rows, dialect, now)
    row_acked_at = _earliest(rows, "ACK")
    acked_at = life.acked_at if row_acked_at is None and judgement.searched and life.acked(now) else row_acked_at
    ended_in_search = life.ended(now)
    search_outcome = _SEARCHED[life.ended_as] if ended_in_search and life.ended_as else None
    end = next((row for row in rows if row.operate in _OUTCOMES), None)
    ended_at, outcome = (end.at, _OUTCOMES[end.operate]) if end else (None, None)
    if end is None and judgement.searched and ended_in_search:
        ended_at, outcome = life.ended_at, search_outcome
    is_shielded = alert.is_shielded and judgement.searched
    target = judgement.within(alert)
    deadline = None if target is None or is_shielded else alert.created_at + target
    judged_at = now if judgement.at is None else judgement.at
    return AlertTruth(
        id=alert.id,
        team=alert.team,
        severity=alert.severity,
        bk_biz_id=alert.bk_biz_id,
        alert_name=alert.alert_name,
        strategy_id=alert.strategy_id,
        strategy_name=alert.strategy_name,
        is_shielded=is_shielded,
        is_acked=acked_at is not None and (ended_at is None or acked_at <= ended_at),
        created_at=alert.created_at,
        acked_at=row_acked_at,
        first_action_at=_earliest(rows, "ACTION", "ANOMALY_NOTICE"),
        ended_at=ended_at,
        outcome=outcome,
        ended_in_search=ended_in_search,
        search_outcome=search_outcome,
        records=_by_operate_and_status(rows),
        anomaly_count=_anomaly_count(rows) if dialect == "documented" else None,
        ack_target=target,
        deadline_result=None if deadline is None else _deadline_result(deadline, acked_at, ended_at, judged_at),
    )


def _deadline_result(deadline: float, acked_at: int | None, ended_at: int | None, judged_at: float) -> str | None:
    """Return what came of an ack deadline; an acknowledgement after the end is none."""
    if acked_at is not None and acked_at <= deadline and (ended_at is None or acked_at <= ended_at):
        return "met"
    if ended_at is not None and ended_at < deadline:
        return "ended"
    return "missed" if judged_at > deadline else None


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

    Latencies are sorted, in seconds. The keys "true" and "false" tell whether an alert is acknowledged, and among the
    open ones then whether it is shielded. `oldest_unacked` is the creation of the oldest that is neither.
    """
    ended = [alert for alert in alerts if alert.outcome]
    unseen = [alert for alert in alerts if not alert.outcome and alert.ended_in_search]
    still_open = [alert for alert in alerts if alert.is_open]
    waiting = [alert.created_at for alert in still_open if not alert.is_acked and not alert.is_shielded]
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
        "open": {
            acked: _by_flag(alert.is_shielded for alert in still_open if _FLAGS[alert.is_acked] == acked)
            for acked in _FLAGS.values()
        },
        "oldest_unacked": min(waiting, default=None),
        "ack_deadlines": {name: sum(alert.deadline_result == name for alert in alerts) for name in _RESULTS},
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
    return _by_flag(alert.is_acked for alert in alerts)


def _by_flag(flags: Iterable[bool]) -> dict[str, int]:
    counted = Counter(flags)
    return {text: counted[flag] for flag, text in _FLAGS.items()}
