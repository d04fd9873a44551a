"""The truth: it says of a tiny history what one counts by hand."""

from dataclasses import replace
from typing import Any

from exporter.simulator import Life, Row, SimulatorSettings, World, life_of

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
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the truth some seconds after the creation: that of each alert by its id, and the totals."""
    truth = World(settings, lives).truth(T0 + after)
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
        "is_shielded": False,
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
        "open": {"true": 1, "false": 0},
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
