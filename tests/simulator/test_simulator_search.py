"""search_alert: which alerts a body selects, page by page, and which bodies are refused."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import Life, Refused, Row, SimulatorSettings, World, life_of

T0 = 1700000000
NOW = T0 + 10_000
OLDEST_FIRST = {"ordering": ["create_time"]}
WINDOW: dict[str, object] = {"bk_biz_ids": [-1], "start_time": T0, "end_time": NOW}


def lives() -> Iterator[Life]:
    """Yield five alerts a thousand seconds apart, of which the first recovered and the second was closed."""
    ends = ["RECOVER", "CLOSE", "ACK", "CONVERGE", "CONVERGE"]
    for number, operate in enumerate(ends):
        at = T0 + 1000 * number
        rows = [Row(at, "CREATE"), Row(at + 300, operate)]
        business = (2, 3, "5000140")[number % 3]
        yield life_of(f"{at}1000{number}", rows, severity=1 + number % 3, bk_biz_id=business)


WORLD = World(SimulatorSettings(), lives())


def search(body: Mapping[str, object] | None = None, now: float = NOW) -> dict[str, Any]:
    """Return the answer to the usual search, changed as given."""
    return WORLD.search({**WINDOW, **(body or {})}, now)


def found(body: Mapping[str, object]) -> str:
    """Return the last digits of the ids that a search finds, in its order."""
    return "".join(alert["id"][-1] for alert in search(body)["alerts"])


def test_fields_are_those_of_the_payload() -> None:
    """An alert carries the fields of the payload in their order, of the same types."""
    path = Path(__file__).parents[1] / "payloads" / "today_search_alert.json"
    expected = json.loads(path.read_text())["data"]["alerts"][0]

    alert = search()["alerts"][0]

    assert list(alert) == list(expected)
    untyped = {"strategy_id", "strategy_name"}
    assert {k: type(v) for k, v in alert.items() if k not in untyped} == {
        k: type(v) for k, v in expected.items() if k not in untyped
    }


def test_an_alert_tells_its_state_of_now() -> None:
    """Status, end and ack are as of the moment of the answer; there is no ack time."""
    before, after = (search(OLDEST_FIRST, T0 + moment)["alerts"][0] for moment in (299, 300))
    acked = search(OLDEST_FIRST)["alerts"][2]

    assert (before["status"], before["end_time"]) == ("ABNORMAL", None)
    assert (after["status"], after["end_time"], after["is_ack"]) == ("RECOVERED", T0 + 300, None)
    assert (acked["status"], acked["is_ack"], acked["ack_duration"]) == ("ABNORMAL", True, 300)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 10_000, "43210"),
        (299, 10_000, "43210"),
        (300, 10_000, "4321"),
        (9999, 10_000, "432"),
        (0, 2000, "210"),
        (0, -60, ""),
        (0, -59, "0"),
    ],
)
def test_time_window(start: int, end: int, expected: str) -> None:
    """An alert matches when it has no end or ended after the start, and began before the window ends."""
    assert found({"start_time": T0 + start, "end_time": T0 + end}) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"bk_biz_ids": [2]}, "30"),
        ({"bk_biz_ids": ["3", 5000140]}, "421"),
        ({"bk_biz_ids": [404]}, ""),
        ({"bk_biz_ids": []}, "30"),
        ({"bk_biz_ids": None}, "30"),
        ({"status": ["ABNORMAL"]}, "432"),
        ({"status": ["RECOVERED", "CLOSED"]}, "10"),
        ({"status": []}, "43210"),
        ({"conditions": [{"key": "severity", "value": [1, 2], "method": "eq"}]}, "4310"),
        ({"conditions": [{"key": "severity", "value": ["1"], "method": "neq"}]}, "421"),
        ({"conditions": [{"key": "is_ack", "value": [True], "method": "eq"}]}, "2"),
        ({"conditions": [{"key": "no_such_field", "value": ["x"], "method": "eq"}]}, ""),
        ({"conditions": [{"key": "assignee", "value": ["admin"]}]}, "43210"),
        (
            {
                "conditions": [
                    {"key": "severity", "value": [3]},
                    {"key": "status", "value": ["CLOSED"], "condition": "or"},
                ]
            },
            "21",
        ),
        (
            {
                "conditions": [
                    {"key": "severity", "value": [1, 2], "condition": "and"},
                    {"key": "status", "value": ["ABNORMAL"], "condition": "and"},
                ]
            },
            "43",
        ),
        ({"query_string": ""}, "43210"),
        ({"query_string": " * "}, "43210"),
        ({"query_string": "severity:1 AND status : ABNORMAL"}, "3"),
        ({"query_string": f'alert_name:"alert {T0}10000"'}, "0"),
        ({"ordering": ["create_time"]}, "01234"),
        ({"ordering": ["severity", "-create_time"]}, "30412"),
        ({"ordering": ["-end_time"]}, "10234"),
        ({"ordering": ["end_time", "-id"]}, "01432"),
    ],
    ids=str,
)
def test_selection(body: dict[str, object], expected: str) -> None:
    """Businesses, statuses, conditions, query and order select as on a real server."""
    assert found(body) == expected


def test_pages_make_up_the_whole() -> None:
    """Pages follow one another without gap or overlap, each with the same total."""
    pages = [search({"page": page, "page_size": 2}) for page in (1, 2, 3, 4)]

    digits = ["".join(alert["id"][-1] for alert in page["alerts"]) for page in pages]
    assert digits == ["43", "21", "0", ""]
    assert {page["total"] for page in pages} == {5}


def test_total_is_capped() -> None:
    """More than 10000 alerts read as 10000."""
    many = World(SimulatorSettings(), (life_of(f"{T0}{10_000 + number}", []) for number in range(10_003)))

    answer = many.search({**WINDOW, "page_size": 1}, NOW)

    assert answer["total"] == 10_000


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"page": 3, "page_size": 5000}, 500, "10000"),
        ({"page_size": 5001}, 3300002, "page_size"),
        ({"page": 0}, 3300002, "page"),
        ({"start_time": None}, 3300002, "start_time"),
        ({"end_time": "soon"}, 3300002, "end_time"),
        ({"end_time": True}, 3300002, "end_time"),
        ({"bk_biz_ids": 2}, 3300002, "bk_biz_ids"),
        ({"status": "ABNORMAL"}, 3300002, "status"),
        ({"conditions": ["severity"]}, 3300002, "conditions"),
        ({"conditions": [{"key": "severity", "value": 1}]}, 3300002, "conditions"),
        ({"conditions": [{"key": "severity", "value": [1], "method": "gte"}]}, 3300002, "eq or neq"),
        ({"query_string": "disk full"}, 3300002, "disk full"),
        ({"query_string": ["*"]}, 3300002, "query_string"),
        ({"ordering": ["duration"]}, 3300002, "duration"),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused(body: dict[str, object], code: int, message: str) -> None:
    """A body that a real server would not take is refused, and the refusal names what is wrong."""
    with pytest.raises(Refused, match=message) as refused:
        search(body)

    assert refused.value.code == code
    assert message in refused.value.message
