"""From an answer of BlueKing to the totals: what each payload adds, as one would count it by hand."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporter.blueking import read_log
from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Count, Observations

PAYLOADS = Path(__file__).parents[1] / "payloads"
SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICY = Policy(settle=10, max_age=30 * 86_400)


def payload(name: str) -> Any:
    """Return a payload, parsed."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def read(answers: list[Any], alert_id: str, now: float) -> tuple[KnownAlert, list[Observations]]:
    """Return what is known of an alert after these answers, and what each added."""
    known = KnownAlert("prod", alert_id, (("source", "prod"),), first_seen_at=now)
    added = []
    for answer in answers:
        known, observations = advance(known, read_log(answer, SHANGHAI), now=now, policy=POLICY)
        added.append(observations)
    return known, added


def told(observations: Observations) -> dict[str, float]:
    """Return amounts and seconds by total and labels, written short."""
    numbers: Counter[str] = Counter()
    for observation in observations:
        own = (value for name, value in observation.labels if name != "source")
        amount = observation.amount if isinstance(observation, Count) else observation.seconds
        numbers[" ".join([observation.total, *own])] += amount  # type: ignore[assignment] # a Counter holds floats as well
    return dict(numbers)


@pytest.mark.parametrize(
    ("name", "alert_id", "now", "numbers", "anomaly_count"),
    [
        ("documented_create", "157780800044167", 1_577_808_030, {"records CREATE SUCCESS": 1}, None),
        (
            "documented_failed_notice",
            "d751713988987e9331980363e24189ce.1574439660.88.118.1",
            1_642_390_300,
            {"records CREATE SUCCESS": 1, "records ANOMALY_NOTICE FAILED": 1, "time_to_first_action": 4},
            None,
        ),
        (
            "documented_lifecycle",
            "164239028644167",
            1_642_400_000,
            {
                "records CREATE SUCCESS": 1,
                "records ACTION SUCCESS": 1,
                "records ANOMALY_NOTICE SUCCESS": 1,
                "records SEVERITY_UP SUCCESS": 1,
                "records CONVERGE SUCCESS": 2,
                "records ACK SUCCESS": 1,
                "records RECOVER SUCCESS": 1,
                "time_to_first_action": 3,
                "time_to_ack": 570,
                "time_to_end recovered": 4114,
                "alerts_ended true recovered": 1,
            },
            62,
        ),
        (
            "today_lifecycle",
            "168387970514723",
            1_683_890_000,
            {
                "records CREATE SUCCESS": 1,
                "records ACTION SUCCESS": 1,
                "records CONVERGE SUCCESS": 4,
                "records ACK SUCCESS": 1,
                "records RECOVER SUCCESS": 1,
                "time_to_first_action": 2,
                "time_to_ack": 205,
                "time_to_end recovered": 4695,
                "alerts_ended true recovered": 1,
            },
            None,
        ),
    ],
)
def test_an_answer_adds_what_one_counts_by_hand(
    name: str, alert_id: str, now: float, numbers: dict[str, float], anomaly_count: int | None
) -> None:
    """Records, latencies and ends of one answer, and its anomaly points."""
    known, (added,) = read([payload(name)], alert_id, now)

    assert told(added) == numbers
    assert known.anomaly_count == anomaly_count


def test_the_rolling_view_adds_its_rows_once() -> None:
    """The three polls of a growing run of CONVERGE count as the payload says they do."""
    rolling = payload("today_rolling_converge")

    _, added = read(rolling["polls"], "168387970514723", 1_683_880_000)

    totals = [sum(o.amount for o in observations if isinstance(o, Count)) for observations in added]
    assert [sum(totals[: poll + 1]) for poll in range(3)] == rolling["records_counted"]
