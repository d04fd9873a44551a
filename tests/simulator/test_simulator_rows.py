"""The rows of a log: their order, the rolling view, and the words of each dialect."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporter.simulator import Dialect, Row, SimulatorSettings, World, life_of

PAYLOADS = Path(__file__).parents[1] / "payloads"
SHANGHAI = ZoneInfo("Asia/Shanghai")
ID = "168387970514723"
T0 = 1683879705


def log_of(*rows: Row, dialect: Dialect = "today", after: float = 86_400) -> list[dict[str, Any]]:
    """Return the log of one alert, as answered some seconds after its creation."""
    log = World(SimulatorSettings(dialect=dialect), [life_of(ID, rows)]).log(ID, T0 + after)
    assert log is not None
    return log


def seen(log: list[dict[str, Any]]) -> str:
    """Return a log in the short form of api.md: `ACK400 CREATE0` is an ACK 400 s after the creation."""
    return " ".join(f"{row['operate']}{unix_seconds(row['create_time']) - T0:.0f}" for row in log)


def unix_seconds(create_time: str) -> float:
    """Return when a row was written."""
    return datetime.fromisoformat(create_time).replace(tzinfo=SHANGHAI).timestamp()


def payload(name: str) -> dict[str, Any]:
    """Return an answer of the payloads."""
    answer = json.loads((PAYLOADS / name).read_text())
    assert isinstance(answer, dict)
    return answer


def rows_of(answer: dict[str, Any]) -> list[Row]:
    """Return the rows that an answer shows."""
    return [
        Row(
            at=int(unix_seconds(row["create_time"])),
            operate=row["operate"],
            status=row["status"],
            message=row["message"],
            extend_info=row["extend_info"] or None,
        )
        for row in answer["data"]
    ]


MINUTES = [Row(T0 + 60 * minute, "CONVERGE") for minute in range(1, 8)]
ACKED = [Row(T0, "CREATE"), *MINUTES, Row(T0 + 400, "ACK")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (59, "CREATE0"),
        (60, "CONVERGE60 CREATE0"),
        (120, "CONVERGE120 CONVERGE60 CREATE0"),
        (180, "CONVERGE180 CONVERGE120 CREATE0"),
        (240, "CONVERGE240 CONVERGE180 CREATE0"),
        (400, "ACK400 CONVERGE360 CONVERGE300 CREATE0"),
        (420, "CONVERGE420 ACK400 CONVERGE360 CONVERGE300 CREATE0"),
    ],
)
def test_converge_rows_roll(after: float, expected: str) -> None:
    """One CONVERGE a minute reads as api.md tells, and an ACK begins a new run."""
    assert seen(log_of(*ACKED, after=after)) == expected


def test_event_drop_rows_roll_by_themselves() -> None:
    """EVENT_DROP rows merge like CONVERGE rows, and each of the two ends a run of the other."""
    drops = [Row(T0 + 60 * minute, "EVENT_DROP") for minute in range(8, 12)]

    assert seen(log_of(*ACKED[:-1], *drops)) == "EVENT_DROP660 EVENT_DROP600 CONVERGE420 CONVERGE360 CREATE0"


def test_the_documented_view_does_not_roll() -> None:
    """In the documented dialect every CONVERGE row stays as it was written."""
    assert len(log_of(*ACKED, dialect="documented")) == len(ACKED)


def test_rolling_payload_is_reproduced() -> None:
    """A poll a minute sees what the payload of a rolling view shows."""
    for minute, poll in enumerate(payload("today_rolling_converge.json")["polls"], start=1):
        rows = [Row(T0, "CREATE", message="x"), *(Row(row.at, "CONVERGE", message="x") for row in MINUTES)]
        assert log_of(*rows, after=60 * minute) == poll["data"]


@pytest.mark.parametrize("dialect", ["documented", "today"])
def test_lifecycle_payload_is_reproduced(dialect: Dialect) -> None:
    """Rows come out as the payload of the dialect has them: order, keys in their order, types and words."""
    answer = payload(f"{dialect}_lifecycle.json")
    rows, alert_id = rows_of(answer), str(answer["data"][0]["event_id"])

    world = World(SimulatorSettings(dialect=dialect), [life_of(alert_id, reversed(rows))])

    assert json.dumps(world.log(alert_id, 2e9)) == json.dumps(answer["data"])


def test_ties_go_by_operate_name() -> None:
    """Rows of one second stand in the order of their operates' names, whatever was written first."""
    tied = [Row(T0, name) for name in ("CREATE", "CONVERGE", "ACTION", "ACK", "ANOMALY_NOTICE")]

    assert seen(log_of(*tied)) == "ACK0 ACTION0 ANOMALY_NOTICE0 CONVERGE0 CREATE0"


def test_a_row_in_between_that_comes_late_splits_a_run() -> None:
    """A late ACK shows at its own place: the rows that were one run before are two runs from then on."""
    late = Row(T0 + 150, "ACK", delay=300)

    assert seen(log_of(*MINUTES[:4], late, after=449)) == "CONVERGE240 CONVERGE180"
    split = "CONVERGE240 CONVERGE180 ACK150 CONVERGE120 CONVERGE60"
    assert seen(log_of(*MINUTES[:4], late, after=450)) == split


def test_times_are_of_the_servers_zone() -> None:
    """Row times are written in the zone of the server process, without offset."""
    world = World(SimulatorSettings(timezone="UTC"), [life_of(ID, [Row(T0, "CREATE")])])

    (row,) = world.log(ID, T0) or []

    assert row["create_time"] == "2023-05-12 08:21:45"


def test_a_life_by_hand_needs_a_time_in_its_id() -> None:
    """An id that does not begin with digits makes no life."""
    with pytest.raises(ValueError, match="invalid literal"):
        life_of("not-an-id", [])
