"""The truth: it says of a tiny history what one counts by hand."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.simulator import Judgement, Life, Row, SimulatorSettings, World, life_of

T0 = 1700000000
ACKED, DROPPED, OPEN = f"{T0}10001", f"{T0}10002", f"{T0}10003"


def converged(at: int, anomaly_count: int) -> Row:
    """Return a CONVERGE row of old."""
    return Row(at, "CONVERGE", extend_info={"anomaly_count": anomaly_count})


HISTORY = [
    life_of(
        ACKED,
        [
            Row(T0, "CREATE"),
            Row(T0 + 3, "ACTION"),
            Row(T0 + 4, "ANOMALY_NOTICE", "FAILED"),
            converged(T0 + 60, 5),
            converged(T0 + 120, 7),
            converged(T0 + 180, 1),
            Row(T0 + 200, "ACK"),
            Row(T0 + 200, "ACK"),
            Row(T0 + 600, "RECOVER"),
        ],
        team="payments",
        severity=1,
    ),
    life_of(DROPPED, [Row(T0, "CREATE"), Row(T0 + 30, "ALERT_QOS")], bk_biz_id="5000140"),
    life_of(OPEN, [Row(T0, "CREATE"), Row(T0 + 9, "ANOMALY_NOTICE"), Row(T0 + 50, "ACK", delay=100)]),
]


def truth_at(
    after: float,
    settings: SimulatorSettings,
    lives: list[Life],
    **judged: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the truth some seconds after the creation: that of each alert by its id, and the totals."""
    truth = World(settings, lives).truth(T0 + after, Judgement(**judged))
    alerts, totals = truth["alerts"], truth["totals"]
    assert isinstance(alerts, list)
    assert isinstance(totals, dict)
    return {alert["id"]: alert for alert in alerts}, totals


def test_each_alert_is_told_by_its_rows() -> None:
    """All that is asked of an alert can be read off its rows."""
    alerts, _ = truth_at(600, SimulatorSettings(dialect="documented"), HISTORY)

    assert alerts[ACKED] == {
        "id": ACKED,
        "team": "payments",
        "severity": 1,
        "bk_biz_id": 2,
        "alert_name": f"alert {ACKED}",
        "strategy_id": None,
        "strategy_name": None,
        "is_shielded": False,
        "is_acked": True,
        "created_at": T0,
        "acked_at": T0 + 200,
        "first_action_at": T0 + 3,
        "ended_at": T0 + 600,
        "outcome": "recovered",
        "ended_in_search": True,
        "search_outcome": "recovered",
        "records": {
            "RECOVER": {"SUCCESS": 1},
            "ACK": {"SUCCESS": 2},
            "CONVERGE": {"SUCCESS": 3},
            "ANOMALY_NOTICE": {"FAILED": 1},
            "ACTION": {"SUCCESS": 1},
            "CREATE": {"SUCCESS": 1},
        },
        "anomaly_count": 13,
        "ack_target": None,
        "deadline_result": None,
    }


def test_totals_add_up() -> None:
    """The totals are the sums over the alerts, and each alert is open, ended, or ended for search alone."""
    _, totals = truth_at(600, SimulatorSettings(dialect="documented"), HISTORY)

    assert totals == {
        "records": {
            "RECOVER": {"SUCCESS": 1},
            "ACK": {"SUCCESS": 3},
            "CONVERGE": {"SUCCESS": 3},
            "ANOMALY_NOTICE": {"FAILED": 1, "SUCCESS": 1},
            "ACTION": {"SUCCESS": 1},
            "CREATE": {"SUCCESS": 3},
            "ALERT_QOS": {"SUCCESS": 1},
        },
        "time_to_ack": [50, 200],
        "time_to_first_action": [3, 9],
        "time_to_end": {"recovered": [600], "closed": []},
        "ended": {"recovered": {"true": 1, "false": 0}, "closed": {"true": 0, "false": 0}},
        "ended_in_search_only": {"recovered": {"true": 0, "false": 0}, "closed": {"true": 0, "false": 1}},
        "open": {"true": {"true": 0, "false": 1}, "false": {"true": 0, "false": 0}},
        "oldest_unacked": None,
        "ack_deadlines": {"met": 0, "missed": 0, "ended": 0},
    }


def test_a_late_row_counts_once_it_is_visible() -> None:
    """An ACK that shows late is none before, and bears its own time afterwards."""
    settings = SimulatorSettings()

    assert truth_at(149, settings, HISTORY)[0][OPEN]["acked_at"] is None
    assert truth_at(150, settings, HISTORY)[0][OPEN]["acked_at"] == T0 + 50


def test_a_terminal_row_that_is_lost_ends_nothing() -> None:
    """Where search knows of an end that no row tells, the alert has no outcome, and search still says it."""
    lost = replace(HISTORY[0], rows=tuple(row for row in HISTORY[0].rows if row.operate != "RECOVER"))

    alerts, totals = truth_at(600, SimulatorSettings(), [lost])

    assert (alerts[ACKED]["outcome"], alerts[ACKED]["search_outcome"]) == (None, "recovered")
    assert totals["ended_in_search_only"]["recovered"] == {"true": 1, "false": 0}


def test_rolling_rows_count_as_they_are_shown() -> None:
    """Of a run that a server of today merges two rows count, and none of them shows an anomaly count."""
    alerts, _ = truth_at(180, SimulatorSettings(dialect="today"), HISTORY)

    assert alerts[ACKED]["records"]["CONVERGE"] == {"SUCCESS": 2}
    assert alerts[ACKED]["anomaly_count"] is None


@pytest.mark.parametrize(
    ("rows", "result"),
    [
        ([("ACK", 300)], "met"),
        ([("ACK", 301)], "missed"),
        ([], "missed"),
        ([("RECOVER", 299)], "ended"),
        ([("RECOVER", 300)], "missed"),
        ([("RECOVER", 200), ("ACK", 201)], "ended"),
        ([("ACK", 100), ("RECOVER", 100)], "met"),
        ([("ALERT_QOS", 50)], "missed"),
    ],
)
def test_each_deadline_comes_to_one_result(rows: list[tuple[str, int]], result: str) -> None:
    """Acknowledged within the target, ended before it, or neither once it has passed."""
    life = life_of(ACKED, [Row(T0, "CREATE"), *(Row(T0 + after, operate) for operate, after in rows)])

    alerts, totals = truth_at(1000, SimulatorSettings(), [life], within=lambda _: 300.0)

    assert (alerts[ACKED]["ack_target"], alerts[ACKED]["deadline_result"]) == (300.0, result)
    assert {name: count for name, count in totals["ack_deadlines"].items() if count} == {result: 1}


def test_a_deadline_is_open_until_it_is_judged() -> None:
    """A moment of judgement after what can be seen takes it that nothing more happens."""
    life = life_of(OPEN, [Row(T0, "CREATE"), Row(T0 + 250, "ACK")])

    def result(**judged: Any) -> object:
        return truth_at(240, SimulatorSettings(), [life], within=lambda _: 300.0, **judged)[0][OPEN]["deadline_result"]

    assert (result(), result(at=T0 + 300.0), result(at=T0 + 301.0)) == (None, None, "missed")


def test_each_alert_has_its_own_target() -> None:
    """The target is asked for alert by alert."""
    alerts, totals = truth_at(
        600, SimulatorSettings(), HISTORY, within=lambda alert: {1: 150.0, 2: 60.0}[alert.severity]
    )

    assert [alerts[alert]["deadline_result"] for alert in (ACKED, DROPPED, OPEN)] == ["missed", "missed", "met"]
    assert totals["ack_deadlines"] == {"met": 1, "missed": 2, "ended": 0}


def test_a_search_tells_shields_and_what_no_row_tells() -> None:
    """Its word holds where rows are missing; a shielded alert is none that anybody waits for."""
    lost = replace(HISTORY[0], rows=tuple(row for row in HISTORY[0].rows if row.operate not in {"ACK", "RECOVER"}))
    shielded = life_of(OPEN, [Row(T0, "CREATE")], is_shielded=True)
    lives = [lost, HISTORY[1], shielded]

    by_rows, rows = truth_at(700, SimulatorSettings(), lives, within=lambda _: 300.0)
    by_search, totals = truth_at(700, SimulatorSettings(), lives, within=lambda _: 300.0, searched=True)

    assert [alert["deadline_result"] for alert in by_rows.values()] == ["missed", "missed", "missed"]
    assert [alert["deadline_result"] for alert in by_search.values()] == ["met", "ended", None]
    assert [(a["outcome"], a["ended_at"], a["is_acked"]) for a in by_search.values()] == [
        ("recovered", T0 + 600, True),
        ("closed", T0 + 30, False),
        (None, None, False),
    ]
    assert rows["open"]["false"] == {"true": 0, "false": 1}
    assert totals["open"] == {"true": {"true": 0, "false": 0}, "false": {"true": 1, "false": 0}}
    assert (rows["oldest_unacked"], totals["oldest_unacked"]) == (T0, None)
