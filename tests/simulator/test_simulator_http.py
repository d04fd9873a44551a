"""The server: BlueKing's endpoints and the control of the simulation over real HTTP."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import requests

from exporter.simulator import Dialect, Placement, Row, Simulator, SimulatorSettings, life_of

PAYLOADS = Path(__file__).parents[1] / "payloads"
T0 = 1683879705
ID = "168387970514723"
ESB = "/api/c/compapi/v2/monitor_v3"
CREDENTIALS = {"bk_app_code": "flow-exporter", "bk_app_secret": "not-a-secret", "bk_username": "admin"}
BODY: dict[str, object] = {"bk_biz_ids": [-1], "start_time": T0, "end_time": T0 + 60}

Start = Callable[..., Simulator]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a simulation of one alert, a minute after its creation."""
    with ExitStack() as running:

        def start(auth: Placement = "both", dialect: Dialect = "today") -> Simulator:
            settings = SimulatorSettings(auth=auth, dialect=dialect)
            lives = [life_of(ID, [Row(T0, "CREATE")], team="search")]
            return running.enter_context(Simulator(settings, now=lambda: T0 + 60.0, lives=lives))

        yield start


def header(**credentials: str) -> dict[str, str]:
    """Return the header with these credentials."""
    return {"X-Bkapi-Authorization": json.dumps(credentials)}


def get_log(
    simulator: Simulator,
    alert_id: str = ID,
    shown: Mapping[str, str] = MappingProxyType({}),
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """Ask for a log, with credentials in the query or in headers."""
    url = f"{simulator.url}{ESB}/get_event_log/"
    return requests.get(url, params={"id": alert_id, **shown}, headers=headers, timeout=10)


def payload(name: str) -> Any:
    """Return an answer of the payloads."""
    return json.loads((PAYLOADS / name).read_text())


def control(simulator: Simulator, name: str) -> Any:
    """Return what a control endpoint answers."""
    return requests.get(f"{simulator.url}/-/{name}", timeout=10).json()


def test_log_of_today(start: Start) -> None:
    """A server of today answers a log with a numeric event id and its request id in the body."""
    answer = get_log(start(), headers=header(**CREDENTIALS)).json()

    assert answer.pop("request_id")
    assert answer == {
        "result": True,
        "code": 200,
        "message": "ok",
        "data": [
            {
                "operate": "CREATE",
                "message": "",
                "extend_info": {},
                "status": "SUCCESS",
                "event_id": int(ID),
                "create_time": "2023-05-12 16:21:45",
            }
        ],
    }


def test_log_as_documented(start: Start) -> None:
    """A documented answer has text for the event id, an empty text for no extend_info, and nothing else."""
    answer = get_log(start(dialect="documented"), shown=CREDENTIALS).json()
    expected = payload("documented_create.json")
    expected["data"][0] |= {"event_id": ID, "create_time": "2023-05-12 16:21:45"}

    assert answer == expected


@pytest.mark.parametrize("path", [f"{ESB}/search_alert/", "/app/alert/search/"])
def test_search_over_esb_and_gateway(start: Start, path: str) -> None:
    """Both paths of search_alert answer alike, with credentials in the header or in the body."""
    simulator = start()
    url, shown = simulator.url + path, header(**CREDENTIALS)
    by_header = requests.post(url, json=BODY, headers=shown, timeout=10).json()
    by_body = requests.post(url, json={**BODY, **CREDENTIALS}, timeout=10).json()

    assert by_header["data"] == by_body["data"]
    assert [alert["id"] for alert in by_body["data"]["alerts"]] == [ID]


@pytest.mark.parametrize("body", ["[]", "{", ""])
def test_a_body_that_is_no_object_is_refused(start: Start, body: str) -> None:
    """A search whose body is no JSON object is a wrong request."""
    url = f"{start().url}{ESB}/search_alert/"

    assert requests.post(url, body, headers=header(**CREDENTIALS), timeout=10).json()["code"] == 3300002


def test_unknown_id(start: Start) -> None:
    """An id that is not known is refused in the words of the payload."""
    simulator = start(dialect="documented")
    expected = payload("error_alert_not_found.json")
    expected["message"] = expected["message"].replace(ID, "168387970599999")

    assert get_log(simulator, "168387970599999", shown=CREDENTIALS).json() == expected


@pytest.mark.parametrize("alert_id", ["", "abc", "-1", "\uff11\uff12"])
def test_an_id_without_digits_is_refused(start: Start, alert_id: str) -> None:
    """What cannot be an alert id is a wrong request."""
    assert get_log(start(), alert_id, shown=CREDENTIALS).json()["code"] == 3300002


@pytest.mark.parametrize("name", ["bk_token", "bk_access_token", "access_token"])
@pytest.mark.parametrize("auth", ["params", "header", "both"])
def test_a_token_stands_for_a_user(start: Start, auth: Placement, name: str) -> None:
    """Whoever shows a token needs no user name."""
    shown = {"bk_app_code": "flow-exporter", "bk_app_secret": "not-a-secret", name: "any"}
    placed: dict[str, Any] = {"shown": shown} if auth == "params" else {"headers": header(**shown)}

    answer = get_log(start(auth), **placed)

    assert answer.json()["result"] is True


@pytest.mark.parametrize(
    ("auth", "in_params", "in_header", "admitted"),
    [
        ("params", True, False, True),
        ("params", False, True, False),
        ("header", True, False, False),
        ("header", False, True, True),
        ("both", True, False, True),
        ("both", False, True, True),
        ("both", False, False, False),
    ],
)
def test_credentials_count_where_they_are_read(
    start: Start, auth: Placement, in_params: bool, in_header: bool, admitted: bool
) -> None:
    """An old ESB reads the parameters, a gateway the header, a current ESB either of them."""
    shown = CREDENTIALS if in_params else {}
    headers = header(**CREDENTIALS) if in_header else None

    assert get_log(start(auth), headers=headers, shown=shown).json()["result"] is admitted


@pytest.mark.parametrize("value", ['{"bk_app_code": "flow-exporter"}', "{", "[]"])
def test_a_current_esb_ignores_the_parameters_beside_a_header(start: Start, value: str) -> None:
    """Good parameters do not help beside a header that is no good."""
    answer = get_log(start("both"), headers={"X-Bkapi-Authorization": value}, shown=CREDENTIALS)

    assert answer.json()["code"] == "1306000"


@pytest.mark.parametrize("wrong", ["bk_app_code", "bk_app_secret", "bk_username"])
def test_the_esb_refuses_with_http_200(start: Start, wrong: str) -> None:
    """A caller with a wrong credential gets the payload's refusal with HTTP 200."""
    answer = get_log(start("params", "documented"), shown={**CREDENTIALS, wrong: "wrong"})
    expected = payload("error_esb_auth.json")
    del expected["request_id"]

    assert (answer.status_code, answer.json()) == (200, expected)


def test_the_gateway_refuses_a_wrong_secret(start: Start) -> None:
    """A wrong secret gets the payload's refusal with HTTP 400 and the gateway's headers."""
    answer = get_log(start("header"), headers=header(**{**CREDENTIALS, "bk_app_secret": "wrong"}))

    assert (answer.status_code, answer.json()) == (400, payload("error_gateway_secret.json"))
    assert answer.headers["X-Bkapi-Error-Code"] == "1640001"


def test_the_gateway_refuses_an_unknown_user(start: Start) -> None:
    """A good app with an unknown user is refused for the user's sake."""
    answer = get_log(start("header"), headers=header(**{**CREDENTIALS, "bk_username": "nobody"}))

    assert "user is not verified" in answer.json()["message"]


def test_truth_and_alerts_over_http(start: Start) -> None:
    """The truth and the alerts of now can be read without credentials."""
    simulator = start()

    assert control(simulator, "truth") == json.loads(json.dumps(simulator.world.truth(T0 + 60.0)))
    (alert,) = control(simulator, "alerts")
    assert (alert["id"], alert["team"], alert["created_at"]) == (ID, "search", T0)


def test_requests_are_counted(start: Start) -> None:
    """Every call of BlueKing's endpoints counts, refused ones too; control calls do not."""
    simulator = start()
    for alert_id in (ID, ID, "1"):
        get_log(simulator, alert_id)
    requests.post(f"{simulator.url}{ESB}/search_alert/", json=BODY, timeout=10)
    control(simulator, "truth")

    assert control(simulator, "requests") == {
        "endpoints": {"get_event_log": 3, "search_alert": 1},
        "get_event_log": {ID: 2, "1": 1},
    }


def test_the_server_is_quiet(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    """No request leaves a line on the terminal."""
    get_log(start(), shown=CREDENTIALS)

    assert capfd.readouterr() == ("", "")


def test_a_stopped_server_answers_no_more(start: Start) -> None:
    """After stop nobody listens, and stopping again does nothing."""
    simulator = start()
    simulator.stop()
    simulator.stop()

    with pytest.raises(requests.ConnectionError):
        get_log(simulator)
