"""Searching: what is asked for, and what a BlueKing finds then, over real HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.blueking import BlueKing, BlueKingError, Condition, NotAllowed, Page, SearchQuery, Upstream
from exporter.flow.sightings import Outcome
from exporter.simulator import Faults, Life, Placement, Row, Simulator, SimulatorSettings, life_of
from tests.blueking.clients import Clients
from tests.blueking.loopback import ONE_ALERT, says, serving

T0 = 1_700_000_000
NOW = T0 + 10_000
ALL = SearchQuery(bk_biz_ids=(-1,), start=T0, end=NOW)
ENDS = ["RECOVER", "ALERT_QOS", "ACK", "CONVERGE", "CONVERGE"]
ESB = "/api/c/compapi/v2/monitor_v3/search_alert/"


def lives() -> Iterator[Life]:
    """Yield five alerts a thousand seconds apart, of which the first recovered and the second was closed."""
    for number, operate in enumerate(ENDS):
        at = T0 + 1000 * number
        rows = [Row(at, "CREATE"), Row(at + 300, operate)]
        yield life_of(f"{at}1000{number}", rows, severity=1 + number % 3, bk_biz_id=(2, 3, "5000140")[number % 3])


def simulated(auth: Placement = "both", faults: Faults | None = None) -> Simulator:
    """Return a simulated BlueKing with these five alerts."""
    settings = SimulatorSettings(auth=auth, faults=faults or Faults())
    return Simulator(settings, now=lambda: float(NOW), lives=lives())


def client_of(clients: Clients, source: Simulator, **auth: str) -> BlueKing:
    """Return a client that the simulated BlueKing knows."""
    return clients(source.url, auth={"app_secret": source.world.settings.app_secret, **auth})


def numbers(page: Page) -> str:
    """Return the last digits of the ids on a page, in its order."""
    return "".join(found.alert_id[-1] for found in page.sightings)


def asked_for(clients: Clients, query: SearchQuery) -> dict[str, Any]:
    """Return the body with which a query goes out."""
    with serving(says(ONE_ALERT)) as source:
        clients(source.url).search_alert(query)

    (asked,) = source.asked
    assert (asked.method, asked.target, asked.headers["Content-Type"]) == ("POST", ESB, "application/json")
    return asked.params


def test_the_smallest_search_asks_for_all_alerts_of_its_businesses(clients: Clients) -> None:
    """Businesses are explicit, the first page has 500 alerts, the newest first, and costly extras are left out."""
    assert asked_for(clients, SearchQuery(bk_biz_ids=(2, 3), start=T0, end=NOW)) == {
        "bk_biz_ids": [2, 3],
        "status": [],
        "conditions": [],
        "query_string": "",
        "start_time": T0,
        "end_time": NOW,
        "ordering": ["-create_time"],
        "page": 1,
        "page_size": 500,
        "show_overview": False,
        "show_aggs": False,
    }


def test_a_search_can_be_narrowed(clients: Clients) -> None:
    """Severities become the last condition, so that they narrow what an `or` before them has widened."""
    query = replace(
        ALL,
        severity=(1, 2),
        status=("ABNORMAL", "CLOSED"),
        query_string='alert_name: "磁盘"',
        conditions=(
            Condition("category", ("os", "services")),
            Condition("strategy_id", (169,), method="neq", join="or"),
        ),
        page=3,
        page_size=100,
    )

    body = asked_for(clients, query)

    assert (body["status"], body["query_string"]) == (["ABNORMAL", "CLOSED"], 'alert_name: "磁盘"')
    assert (body["page"], body["page_size"]) == (3, 100)
    assert body["conditions"] == [
        {"key": "category", "value": ["os", "services"], "method": "eq", "condition": "and"},
        {"key": "strategy_id", "value": [169], "method": "neq", "condition": "or"},
        {"key": "severity", "value": [1, 2], "method": "eq", "condition": "and"},
    ]


@given(start=st.floats(0, 2e9), end=st.floats(0, 2e9))
def test_whole_seconds_cover_the_window(start: float, end: float) -> None:
    """The start is rounded down and the end up, by less than a second."""
    body: dict[str, Any] = SearchQuery(bk_biz_ids=(2,), start=start, end=end).body()

    assert body["start_time"] <= start < body["start_time"] + 1
    assert body["end_time"] - 1 < end <= body["end_time"]
    assert {type(body["start_time"]), type(body["end_time"])} == {int}


def test_a_search_without_businesses_is_a_mistake() -> None:
    """BlueKing would take an empty list for the businesses of whoever asks."""
    with pytest.raises(ValueError, match=r"bk_biz_ids: expected at least one"):
        SearchQuery(bk_biz_ids=(), start=T0, end=NOW)


@pytest.mark.parametrize(
    ("auth", "placement"),
    [
        *(("params", "params"), ("params", "auto"), ("header", "header"), ("header", "auto")),
        *(("both", "params"), ("both", "header"), ("both", "auto")),
    ],
)
def test_every_kind_of_source_answers_page_by_page(clients: Clients, auth: Placement, placement: str) -> None:
    """An old ESB, a gateway and a current ESB all tell the same alerts, the newest first, over three pages."""
    with simulated(auth) as source:
        client = client_of(clients, source, placement=placement)
        pages = [client.search_alert(replace(ALL, page=page, page_size=2)) for page in (1, 2, 3, 4)]

    assert [numbers(page) for page in pages] == ["43", "21", "0", ""]
    assert {page.total for page in pages} == {5}
    refused_first = (auth, placement) == ("params", "auto")
    assert len(clients.observed) == 4 + refused_first


@pytest.mark.parametrize(("auth", "placement"), [("params", "header"), ("header", "params")])
def test_a_source_that_looks_elsewhere_refuses(clients: Clients, auth: Placement, placement: str) -> None:
    """A placement that was configured is not left, even where it is the wrong one."""
    with simulated(auth) as source, pytest.raises(NotAllowed, match=r"^search_alert: "):
        client_of(clients, source, placement=placement).search_alert(ALL)


def test_a_search_tells_ends_and_acks(clients: Clients) -> None:
    """The alert's own document tells how and when it ended, flow control included, and that it was acknowledged."""
    with simulated() as source:
        found = client_of(clients, source).search_alert(ALL).sightings

    assert [(alert.outcome, alert.ended_at, alert.is_acked) for alert in reversed(found)] == [
        (Outcome.RECOVERED, T0 + 300, False),
        (Outcome.CLOSED, T0 + 1300, False),
        (None, None, True),
        (None, None, False),
        (None, None, False),
    ]
    assert [alert.created_at for alert in reversed(found)] == [T0 + 1000 * number for number in range(5)]


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({"status": ("ABNORMAL",)}, "432"),
        ({"status": ("RECOVERED", "CLOSED")}, "10"),
        ({"severity": (1, 3)}, "320"),
        ({"bk_biz_ids": (2, 5000140)}, "320"),
        ({"start": T0 + 299.5}, "43210"),
        ({"start": T0 + 300.5}, "4321"),
        ({"end": T0 + 1000.5}, "10"),
        ({"query_string": "status: ABNORMAL AND severity: 1"}, "3"),
        ({"conditions": (Condition("is_ack", ("true",)),)}, "2"),
        ({"conditions": (Condition("bk_biz_id", (2, 3), "neq"),)}, "2"),
        ({"conditions": (Condition("severity", (3,)), Condition("bk_biz_id", ("3",), join="or"))}, "421"),
        (
            {"conditions": (Condition("severity", (3,)), Condition("bk_biz_id", (3,), join="or")), "severity": (2,)},
            "41",
        ),
    ],
)
def test_a_search_selects(clients: Clients, narrowed: dict[str, Any], expected: str) -> None:
    """By status, severity, business, time, query and conditions, all at once."""
    with simulated() as source:
        page = client_of(clients, source).search_alert(replace(ALL, **narrowed))

    assert numbers(page) == expected
    assert page.total == len(expected)


def test_a_page_too_deep_is_trouble_upstream(clients: Clients) -> None:
    """Beyond the 10000th alert a server refuses with a code that says no more than that."""
    with simulated() as source, pytest.raises(Upstream, match="the result window is too large"):
        client_of(clients, source).search_alert(replace(ALL, page=21))


@pytest.mark.parametrize(
    "fault",
    [
        *("reset", "http_500", "http_502_html", "not_json", "empty_body", "forbidden_empty", "gateway_rate"),
        *("gateway_secret", "esb_rate", "esb_auth", "bad_request", "cut_json"),
    ],
)
def test_each_way_to_break_is_an_error_of_ours(clients: Clients, fault: str) -> None:
    """Whatever happens to a search, the error names its endpoint, and so does what is observed."""
    with simulated(faults=Faults.from_json({fault: 1})) as source:
        client = client_of(clients, source)
        with pytest.raises(BlueKingError, match=r"search_alert: "):
            client.search_alert(ALL)

    assert {endpoint for endpoint, _ in clients.observed} == {"search_alert"}
