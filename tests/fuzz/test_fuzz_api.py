"""The JSON API against its description, docs/openapi.yaml: requests made from it, and answers held to it."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import negative_data_rejection

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import Milestone
from exporter.flow.sightings import Outcome
from exporter.metrics import Plan, WatchedState
from exporter.web.query import SORTS
from tests.web.site import NOW, alert, application, moment_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
DESCRIPTION: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]
PATHS = sorted(DESCRIPTION["paths"])

APP = application(
    moment_of(
        [
            alert(
                "100", "Disk full", age=900, ack_target=300.0, deadline_result=DeadlineResult.MISSED, anomaly_count=3
            ),
            alert("101", "CPU hot", age=100, ack_target=300.0),
            alert("102", "Queue", age=500, ack=Milestone(NOW - 400, observed=True), team="infra"),
            alert("103", "Ended", age=700, outcome=Outcome.CLOSED, settles_at=NOW + 9),
            alert("104", "", created_at=None, read_at=None, sighting=None),
        ],
        plans={"101": Plan(None, "no answer within 10s")},
        given_up={"101": WatchedState.QUARANTINED},
    ),
    alert_url="https://bk.test/{alert_id}",
)
APP.testing = True
API = schemathesis.openapi.from_dict(DESCRIPTION)
API.app = APP

# `make fuzz` asks for more of them, and for others each time.
unhurried = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "150")),
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/api/v1/alerts", GenerationMode.POSITIVE),
        ("/api/v1/alerts", GenerationMode.NEGATIVE),
        ("/api/v1/sources", GenerationMode.POSITIVE),
    ],
)
def test_every_request_is_answered_as_described(path: str, mode: GenerationMode) -> None:
    """What the description allows is answered, what it does not is refused, each in the described shape."""
    statuses: set[int] = set()

    @unhurried
    @given(case=API[path]["GET"].as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        response = case.call()
        statuses.add(response.status_code)
        excluded = [negative_data_rejection] if has_blanks(str(response.request.url)) else []
        case.validate_response(response, excluded_checks=excluded)

    check()

    assert (200 if mode is GenerationMode.POSITIVE else 400) in statuses


def has_blanks(url: str) -> bool:
    """Whether a parameter is empty, and so counts as missing, which a description cannot say of a number."""
    return any(not value for _, value in parse_qsl(urlsplit(url).query, keep_blank_values=True))


@pytest.mark.parametrize("name", ["Alerts", "Alert", "Deadline", "Sources", "Source"])
def test_the_description_has_every_field_that_is_served(name: str) -> None:
    """Each with its type, and all of them always there."""
    client = APP.test_client()
    alerts, sources = client.get("/api/v1/alerts").get_json(), client.get("/api/v1/sources").get_json()
    served = {
        "Alerts": alerts,
        "Alert": alerts["alerts"][0],
        "Deadline": next(each["deadline"] for each in alerts["alerts"] if each["deadline"]),
        "Sources": sources,
        "Source": sources["sources"][0],
    }[name]

    assert set(SCHEMAS[name]["properties"]) == set(SCHEMAS[name]["required"]) == set(served)


def test_the_description_has_every_parameter_and_choice() -> None:
    """Those that the application knows, no more and no fewer."""
    parameters = {each["name"]: each["schema"] for each in DESCRIPTION["paths"]["/api/v1/alerts"]["get"]["parameters"]}
    known = APP.test_client().get("/api/v1/alerts?nonsense=1").get_json()["error"].rpartition("known are ")[2]

    assert sorted(parameters) == known.split(", ")
    assert parameters["sort"]["enum"] == [*SORTS, *(f"-{sort}" for sort in SORTS)]
    assert SCHEMAS["State"]["enum"] == [state.value for state in WatchedState]
    assert SCHEMAS["Alert"]["properties"]["outcome"]["enum"] == [*Outcome, None]
    assert SCHEMAS["Deadline"]["properties"]["result"]["enum"] == [*DeadlineResult, None]


def test_every_address_of_the_api_is_described() -> None:
    """What the application serves below /api/."""
    assert sorted(rule.rule for rule in APP.url_map.iter_rules() if rule.rule.startswith("/api/")) == PATHS
