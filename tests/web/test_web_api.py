"""The JSON behind the page: its shape, which documents promise, and which alerts it finds in which order."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import Milestone
from exporter.flow.sightings import Outcome, Sighting
from exporter.metrics import Asked, Plan, WatchedState
from tests.web.site import NOW, alert, application, moment_of, named

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
ALERTS = [
    alert("100", "Disk full", age=900, ack_target=300.0, deadline_result=DeadlineResult.MISSED),
    alert("101", "CPU hot", age=100, ack_target=300.0),
    alert("102", "cpu hotter", age=10, team="infra"),
    alert("103", "Queue", age=500, ack=Milestone(NOW - 400, observed=True), team="infra"),
    alert("104", "Ended", age=700, outcome=Outcome.CLOSED, settles_at=NOW + 9),
    alert("105", "Lost", age=50, team="infra"),
]
MOMENT = moment_of(
    ALERTS,
    plans={"101": Plan(NOW + 3), "105": Plan(NOW + 3000, "no answer within 10s")},
    given_up={"105": WatchedState.QUARANTINED},
)


def told(query: str = "", **site: Any) -> Any:
    """Return what the API tells."""
    return application(MOMENT, **site).test_client().get(f"/api/v1/alerts{query}").get_json()


def ids(query: str) -> list[str]:
    """Return the ids of the alerts that the API finds, in their order."""
    return [each["alert_id"] for each in told(query)["alerts"]]


def test_an_alert_is_told_in_full() -> None:
    """What it is called, how it stands, when it was and will be asked about, and where to look at it."""
    answer = told("?q=disk", alert_url="https://bk.example.com/{alert_id}?team={team}")

    assert {name: answer[name] for name in answer if name != "alerts"} == {
        "as_of": NOW,
        "now": NOW,
        "total": 6,
        "matched": 1,
        "page": 1,
        "pages": 1,
        "per_page": 50,
    }
    assert answer["alerts"] == [
        {
            "source": "prod",
            "alert_id": "100",
            "alert_name": "Disk full",
            "labels": {"severity": "fatal", "source": "prod", "team": "payments"},
            "state": "open",
            "outcome": None,
            "acked": False,
            "acked_at": None,
            "shielded": False,
            "created_at": NOW - 900,
            "deadline": {"target_seconds": 300.0, "due_at": NOW - 600, "result": "missed"},
            "anomaly_count": None,
            "first_seen_at": 1.0,
            "last_poll_at": NOW - 5,
            "next_poll_at": NOW + 20,
            "error": "",
            "page": "/alerts/prod/100",
            "bk_url": "https://bk.example.com/100?team=payments",
        }
    ]


def test_a_source_is_told_in_full() -> None:
    """How it fares, what it was asked since the start, what failed, and how fast it may be asked."""
    asked = Asked(polls=9, failures={"timeout": 2, "upstream": 0}, requests={("get_event_log", "200"): 8}, rate=10.0)
    moment = moment_of(ALERTS, trouble="no route", up=False)
    object.__setattr__(moment.sources[0].polling, "told", asked)

    answer = application(moment).test_client().get("/api/v1/sources").get_json()

    assert (answer["as_of"], answer["now"]) == (NOW, NOW)
    assert answer["sources"] == [
        {
            "name": "prod",
            "state": "down",
            "trouble": "no route",
            "last_success_at": 1_700_000_000.25,
            "last_good_cycle_at": NOW - 42,
            "baseline_at": 1.0,
            "overdue_seconds": 0.5,
            "timezone_skew_seconds": 0.0,
            "watched": {"open": 3, "settling": 1},
            "polls": 9,
            "poll_failures": {"timeout": 2},
            "requests": {"get_event_log": {"200": 8}},
            "requests_per_second": 10.0,
            "requests_per_second_configured": 0.0,
            "paused_until": None,
        }
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=CPU", ["101", "102"]),
        ("?q=cpu+hotter", ["102"]),
        ("?q=strategy+queue", ["103"]),
        ("?q=10", ["100", "101", "105", "102", "104", "103"]),
        ("?q=infra", ["105", "102", "103"]),
        ("?state=settling", ["104"]),
        ("?state=settling&state=quarantined", ["105", "104"]),
        ("?source=prod&acked=true", ["103"]),
        ("?source=other", []),
        ("?label=team%3Dinfra", ["105", "102", "103"]),
        ("?label=team%3Dinfra&label=severity%3Dremind", []),
        ("?label=team%3Dinfra&acked=false&q=", ["105", "102"]),
    ],
)
def test_alerts_are_found_by_words_states_sources_and_labels(query: str, found: list[str]) -> None:
    """All that is asked for must hold; several states or sources are alternatives; empty parameters ask for nothing."""
    assert ids(query) == found


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("deadline", "100", "103"),  # waiting for somebody by deadline first; acked and ended ones last
        ("created", "100", "102"),
        ("alert", "101", "103"),
        ("state", "100", "104"),
        ("source", "100", "105"),
        ("acked", "103", "105"),
        ("next_poll", "101", "105"),
        ("last_poll", "100", "105"),
    ],
)
def test_alerts_are_sorted_either_way(sort: str, first: str, last: str) -> None:
    """Each order has its opposite, and holds the same alerts."""
    up, down = ids(f"?sort={sort}"), ids(f"?sort=-{sort}")

    assert (up[0], up[-1]) == (first, last)
    assert sorted(up) == sorted(down)
    if sort in {"created", "next_poll"}:
        assert down[0] == last


def test_pages_hold_every_alert_once() -> None:
    """Also where all are alike; beyond the last page is the last one."""
    moment = moment_of(alert(str(number), "same", age=60) for number in range(1000, 1123))
    client = application(moment).test_client()

    pages = [client.get(f"/api/v1/alerts?page={page}&sort=alert").get_json() for page in (1, 2, 3)]
    found = [each["alert_id"] for page in pages for each in page["alerts"]]

    assert [len(page["alerts"]) for page in pages] == [50, 50, 23]
    assert found == [str(number) for number in range(1000, 1123)]
    assert pages[0]["pages"] == 3
    assert client.get("/api/v1/alerts?page=99").get_json()["page"] == 3
    assert len(client.get("/api/v1/alerts?per_page=500").get_json()["alerts"]) == 123


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("?sort=colour", "sort: expected one of deadline, created"),
        ("?state=asleep", "state: expected one of open, settling, quarantined, missing"),
        ("?acked=maybe", "acked: expected one of true, false"),
        ("?label=team", "label: expected name=value"),
        ("?page=0", "page: expected a whole number from 1 to"),
        ("?page=%D9%A3", "page: expected a whole number from 1 to"),
        ("?per_page=501", "per_page: expected a whole number from 1 to 500"),
        ("?colour=red", "unknown parameter; known are acked, label"),
        ("?q=" + "x" * 201, "q: expected at most 200 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_would_be_right(query: str, error: str) -> None:
    """As JSON by the API, as a line by the page; nothing that was given is repeated."""
    client = application(MOMENT).test_client()
    answer, page = client.get(f"/api/v1/alerts{query}"), client.get(f"/{query}")

    assert answer.status_code == page.status_code == 400
    assert answer.get_json()["error"].startswith(error)
    assert page.text.startswith(f"400 {error}")
    assert page.content_type == "text/plain; charset=utf-8"


def test_only_what_is_watched_and_does_not_rest_is_told() -> None:
    """An alert that left its watch is not there, whatever the ledger knows of it."""
    moment = moment_of(ALERTS)
    object.__setattr__(moment, "watched", frozenset({("prod", "102")}))

    answer = application(moment).test_client().get("/api/v1/alerts").get_json()

    assert (answer["total"], [each["alert_id"] for each in answer["alerts"]]) == (1, ["102"])


def test_an_end_that_only_a_search_told_shows() -> None:
    """The state is that of the metrics, open until a record or the last read tells; the outcome says more."""
    seen = Sighting("9", named("Gone"), outcome=Outcome.RECOVERED)
    answer = application(moment_of([alert("9", sighting=seen)])).test_client().get("/api/v1/alerts").get_json()

    assert (answer["alerts"][0]["state"], answer["alerts"][0]["outcome"]) == ("open", "recovered")


def test_times_are_right_where_the_configured_time_zone_is_wrong() -> None:
    """What is compared with the clock is free of the error that the id tells; so the deadline is not hours off."""
    made = 1_699_999_900  # by its id
    east = made + 8 * 3600.0
    wrong = alert(
        f"{made}0001", created_at=east, first_seen_at=NOW, ack=Milestone(east + 40, observed=True), ack_target=60.0
    )
    (found,) = application(moment_of([wrong])).test_client().get("/api/v1/alerts").get_json()["alerts"]

    assert (found["created_at"], found["acked_at"], found["deadline"]["due_at"]) == (made, made + 40, made + 60)


def test_the_document_tells_every_field() -> None:
    """docs/api.md shows an alert and a source with exactly the fields that are served."""
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)]
    alerts, sources = examples[:2]
    client = application(MOMENT).test_client()
    served = client.get("/api/v1/alerts").get_json(), client.get("/api/v1/sources").get_json()

    assert (alerts.keys(), sources.keys()) == (served[0].keys(), served[1].keys())
    assert alerts["alerts"][0].keys() == served[0]["alerts"][0].keys()
    assert alerts["alerts"][0]["deadline"].keys() == told("?q=disk")["alerts"][0]["deadline"].keys()
    assert sources["sources"][0].keys() == served[1]["sources"][0].keys()


def test_the_document_tells_every_parameter() -> None:
    """docs/api.md has a row for each parameter, and names each order."""
    text = DOCUMENT.read_text()

    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)[:8] == [
        "q",
        "state",
        "source",
        "acked",
        "label",
        "sort",
        "page",
        "per_page",
    ]
    for sort in ("deadline", "created", "alert", "source", "state", "acked", "last_poll", "next_poll"):
        assert f"`{sort}`" in text
