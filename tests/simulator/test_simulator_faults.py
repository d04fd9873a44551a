"""The switchboard: each fault over real HTTP, and what it takes for faults."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from exporter.simulator import Faults, Row, Simulator, SimulatorSettings, life_of

PAYLOADS = Path(__file__).parents[1] / "payloads"
T0 = 1683879705
ID, OTHER = "168387970514723", "168387970514724"
ESB = "/api/c/compapi/v2/monitor_v3"
CREDENTIALS = {"bk_app_code": "flow-exporter", "bk_app_secret": "not-a-secret", "bk_username": "admin"}

Start = Callable[[Faults], Simulator]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a simulation of two alerts with the given faults."""
    with ExitStack() as running:

        def start(faults: Faults) -> Simulator:
            settings = SimulatorSettings(dialect="documented", faults=faults)
            lives = [life_of(alert_id, [Row(T0, "CREATE")]) for alert_id in (ID, OTHER)]
            return running.enter_context(Simulator(settings, now=lambda: T0 + 60.0, lives=lives))

        yield start


def get_log(simulator: Simulator, alert_id: str = ID, timeout: float = 10) -> requests.Response:
    """Ask for a log with good credentials."""
    url = f"{simulator.url}{ESB}/get_event_log/"
    return requests.get(url, params={"id": alert_id, **CREDENTIALS}, timeout=timeout)


def search(simulator: Simulator) -> requests.Response:
    """Search with good credentials."""
    body = {"bk_biz_ids": [-1], "start_time": T0, "end_time": T0 + 60, **CREDENTIALS}
    return requests.post(f"{simulator.url}{ESB}/search_alert/", json=body, timeout=10)


def put_faults(simulator: Simulator, document: object) -> requests.Response:
    """Change the faults."""
    return requests.put(f"{simulator.url}/-/faults", json=document, timeout=10)


def payload(name: str) -> dict[str, Any]:
    """Return a refusal of the payloads, as a server without request ids words it."""
    answer = json.loads((PAYLOADS / name).read_text())
    assert isinstance(answer, dict)
    return {key: value for key, value in answer.items() if key != "request_id"}


@pytest.mark.parametrize("ask", [get_log, search])
@pytest.mark.parametrize(
    ("faults", "status", "body"),
    [
        (Faults(http_500=1), 500, "Internal Server Error"),
        (Faults(http_502_html=1), 502, "<html>"),
        (Faults(not_json=1), 200, "<!DOCTYPE html>"),
        (Faults(empty_body=1), 200, ""),
        (Faults(forbidden_empty=1), 403, ""),
    ],
    ids=str,
)
def test_answers_without_json(
    start: Start, ask: Callable[[Simulator], requests.Response], faults: Faults, status: int, body: str
) -> None:
    """Trouble on the way answers with its status and no JSON, to both endpoints."""
    answer = ask(start(faults))

    assert answer.status_code == status
    assert answer.text.startswith(body)
    assert bool(answer.text) is bool(body)


@pytest.mark.parametrize(
    ("faults", "status", "name"),
    [
        (Faults(not_found=1), 200, "error_alert_not_found.json"),
        (Faults(esb_auth=1), 200, "error_esb_auth.json"),
        (Faults(esb_rate=1), 200, "error_esb_rate.json"),
        (Faults(gateway_secret=1), 400, "error_gateway_secret.json"),
        (Faults(gateway_rate=1), 429, "error_gateway_rate.json"),
        (Faults(poison=(ID,)), 200, "error_poison.json"),
    ],
    ids=str,
)
def test_refusals_are_those_of_the_payloads(start: Start, faults: Faults, status: int, name: str) -> None:
    """A refusal that is switched on reads word for word like its payload."""
    answer = get_log(start(faults))

    assert (answer.status_code, answer.json()) == (status, payload(name))


def test_bad_request(start: Start) -> None:
    """A request can be refused as wrong although it is right."""
    assert get_log(start(Faults(bad_request=1))).json()["code"] == 3300002


def test_the_gateway_says_how_long_to_wait(start: Start) -> None:
    """A rate limit of the gateway carries the seconds to wait."""
    answer = get_log(start(Faults(gateway_rate=1, retry_after=7)))

    assert answer.headers["X-Bkapi-RateLimit-Reset"] == "7"


def test_reset(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    """A reset closes the connection without an answer, and quietly; the next request is served."""
    simulator = start(Faults(reset=1, only_ids=(ID,)))

    with pytest.raises(requests.ConnectionError):
        get_log(simulator)

    assert get_log(simulator, OTHER).json()["result"] is True
    assert capfd.readouterr() == ("", "")


def test_cut_json(start: Start) -> None:
    """A cut answer ends before the length it announced, or is whole by length and half by content."""
    simulator = start(Faults(cut_json=1))

    assert {cut(simulator) for _ in range(12)} == {"torn", "half"}


def cut(simulator: Simulator) -> str:
    """Return in which way the answer is cut."""
    try:
        answer = get_log(simulator)
    except requests.exceptions.ChunkedEncodingError:
        return "torn"
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    return "half"


def test_slow(start: Start) -> None:
    """A slow answer outlasts the caller's patience, and does not keep the server from stopping."""
    simulator = start(Faults(slow=1, slow_seconds=3600))

    with pytest.raises(requests.ReadTimeout):
        get_log(simulator, timeout=0.1)

    simulator.stop()


def test_a_slow_answer_is_a_good_one(start: Start) -> None:
    """Once its time has passed a slow answer is the usual one."""
    assert get_log(start(Faults(slow=1, slow_seconds=0.01))).json()["result"] is True


def test_only_ids_spares_the_others(start: Start) -> None:
    """Faults for some alerts hit neither the others nor a search."""
    simulator = start(Faults(http_500=1, slow=1, slow_seconds=0.01, only_ids=(ID,)))

    assert [get_log(simulator, alert_id).status_code for alert_id in (ID, OTHER)] == [500, 200]
    assert search(simulator).json()["result"] is True


def test_a_search_finds_alerts_whatever_happens_to_their_logs(start: Start) -> None:
    """Neither a missing log nor a poisoned one touches a search."""
    assert search(start(Faults(not_found=1, poison=(ID,)))).json()["data"]["total"] == 2


def statuses(simulator: Simulator) -> list[int]:
    """Return how 40 requests fared."""
    return [get_log(simulator).status_code for _ in range(40)]


def test_a_share_is_drawn_from_the_seed(start: Start) -> None:
    """A share of a half hits about half of the requests, the same ones in each run."""
    faults = Faults(http_500=0.5)
    one, other = (statuses(start(faults)) for _ in range(2))

    assert one == other
    assert 10 < one.count(500) < 30


def test_faults_change_while_it_runs(start: Start) -> None:
    """A PUT replaces the request faults, keeps the row faults, and answers with what holds now."""
    simulator = start(Faults(http_500=1, late_rows=0.5))

    changed = put_faults(simulator, {"http_502_html": 1, "poison": [OTHER]})

    assert changed.json() == Faults(http_502_html=1, poison=(OTHER,), late_rows=0.5).to_json()
    assert requests.get(f"{simulator.url}/-/faults", timeout=10).json() == changed.json()
    assert get_log(simulator).status_code == 502


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ([], "expected a JSON object"),
        ({"http_501": 1}, "unknown: http_501"),
        ({"slow": 2, "http_500": "all"}, "http_500: expected a number, got 'all'; slow: expected a share"),
        ({"slow_seconds": -1}, "slow_seconds: expected seconds"),
        ({"poison": [1]}, "poison: expected a list of alert ids as text"),
        ({"only_ids": "1"}, "only_ids: expected a list"),
        ({"lost_rows": 0.1}, "fixed at its start"),
    ],
    ids=str,
)
def test_wrong_faults_change_nothing(start: Start, document: object, error: str) -> None:
    """Faults that cannot be are refused with all that is wrong, and those of before stay."""
    simulator = start(Faults(http_500=1))

    answer = put_faults(simulator, document)

    assert answer.status_code == 400
    assert error in answer.json()["error"]
    assert get_log(simulator).status_code == 500


def test_faults_survive_json() -> None:
    """Faults written as JSON read back the same."""
    faults = Faults(reset=0.25, poison=(ID,), only_ids=(ID, OTHER), late_rows=0.1, late_seconds=30)

    assert Faults.from_json(json.loads(json.dumps(faults.to_json()))) == faults


def test_wrong_faults_cannot_be_made() -> None:
    """Every wrong field is named at once."""
    with pytest.raises(ValueError, match=r"reset: .*got nan; lost_rows: .*got -0.1"):
        Faults(reset=float("nan"), lost_rows=-0.1)
