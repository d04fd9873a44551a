"""Who we say that we are, and where: header or parameters, and never both."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import exporter
from exporter.blueking import NoSuchAlert, NotAllowed, Upstream
from tests.blueking.clients import SECRET, Clients
from tests.blueking.loopback import ONE_RECORD, Answer, Asked, Exchange, says, serving

HEADER = "X-Bkapi-Authorization"
REFUSED = {"result": False, "code": 1640001, "message": "app code or app secret is incorrect", "data": None}
GONE = {"result": False, "code": 3324002, "message": "no such alert", "data": {}}
TROUBLE = {"result": False, "code": 500, "message": "trouble", "data": {}}


def answers(choose: Callable[[Asked], object]) -> Answer:
    """Return an answer that depends on the request."""

    def answer(exchange: Exchange) -> None:
        says(choose(exchange.asked))(exchange)

    return answer


def in_header(asked: Asked) -> bool:
    """Return whether the credentials stand in the header; they never stand in both places."""
    assert (HEADER in asked.headers) != ("bk_app_code" in asked.params)
    return HEADER in asked.headers


def old_esb(asked: Asked) -> object:
    """Answer as an ESB that reads parameters only."""
    return REFUSED if in_header(asked) else ONE_RECORD


@pytest.mark.parametrize(
    ("auth", "user"),
    [
        ({"username": "管理员"}, {"bk_username": "管理员"}),
        ({"token": "t0ken"}, {"bk_token": "t0ken"}),
        ({"access_token": "acc3ss"}, {"access_token": "acc3ss"}),
    ],
)
def test_the_header_carries_application_and_user(clients: Clients, auth: dict[str, str], user: dict[str, str]) -> None:
    """In the header everything stands in one JSON object of ASCII characters, and nothing in the query."""
    with serving(says(ONE_RECORD)) as source:
        clients(source.url, auth=auth).get_event_log("164239028644167")

    (asked,) = source.asked
    assert asked.params == {"id": "164239028644167"}
    assert asked.headers[HEADER].isascii()
    assert json.loads(asked.headers[HEADER]) == {"bk_app_code": "flow-exporter", "bk_app_secret": SECRET, **user}


@pytest.mark.parametrize(
    ("auth", "user"),
    [
        ({"username": "管理员"}, {"bk_username": "管理员"}),
        ({"token": "t0ken"}, {"bk_token": "t0ken"}),
        ({"access_token": "acc3ss"}, {"bk_access_token": "acc3ss"}),
    ],
)
def test_parameters_carry_application_and_user(clients: Clients, auth: dict[str, str], user: dict[str, str]) -> None:
    """As parameters each stands on its own in the query string, and nothing in the header."""
    with serving(says(ONE_RECORD)) as source:
        clients(source.url, auth=auth | {"placement": "params"}).get_event_log("164239028644167")

    (asked,) = source.asked
    assert HEADER not in asked.headers
    assert asked.target.startswith("/api/c/compapi/v2/monitor_v3/get_event_log/?")
    assert asked.params == {
        "id": "164239028644167",
        "bk_app_code": "flow-exporter",
        "bk_app_secret": SECRET,
        **user,
    }


def test_a_source_that_refuses_the_header_gets_parameters_from_then_on(clients: Clients) -> None:
    """The first call finds out within itself; later ones go straight to what was accepted."""
    with serving(answers(old_esb)) as source:
        client = clients(source.url)
        logs = [client.get_event_log(alert) for alert in ("1", "2")]

    assert [len(log.records) for log in logs] == [1, 1]
    assert [in_header(asked) for asked in source.asked] == [True, False, False]
    assert clients.observed == [("get_event_log", "200")] * 3


def test_a_header_once_accepted_is_never_replaced_by_parameters(clients: Clients) -> None:
    """A later refusal, of an expired secret say, puts no secret into a query string."""
    given = iter([ONE_RECORD, REFUSED])
    with serving(answers(lambda _: next(given))) as source:
        client = clients(source.url)
        client.get_event_log("1")
        with pytest.raises(NotAllowed):
            client.get_event_log("1")

    assert [in_header(asked) for asked in source.asked] == [True, True]


def test_a_missing_alert_shows_that_the_header_is_accepted(clients: Clients) -> None:
    """Whoever is told that an alert does not exist has been let in."""
    given = iter([GONE, REFUSED])
    with serving(answers(lambda _: next(given))) as source:
        client = clients(source.url)
        for error in (NoSuchAlert, NotAllowed):
            with pytest.raises(error):
                client.get_event_log("1")

    assert [in_header(asked) for asked in source.asked] == [True, True]


def test_trouble_upstream_says_nothing_about_the_header(clients: Clients) -> None:
    """An error that is no refusal neither tries parameters nor settles the header."""
    given = iter([TROUBLE, REFUSED, ONE_RECORD])
    with serving(answers(lambda _: next(given))) as source:
        client = clients(source.url)
        with pytest.raises(Upstream):
            client.get_event_log("1")
        client.get_event_log("1")

    assert [in_header(asked) for asked in source.asked] == [True, True, False]


def test_a_source_that_refuses_both_says_so_twice(clients: Clients) -> None:
    """Which refusal tells the cause depends on what the source reads, so both are told; neither place settles."""
    with serving(says(REFUSED)) as source:
        client = clients(source.url)
        for _ in range(2):
            with pytest.raises(NotAllowed) as caught:
                client.get_event_log("1")

    assert str(caught.value).startswith("credentials in header: get_event_log: app code or app secret is incorrect")
    assert "; credentials in params: get_event_log: app code or app secret is incorrect" in str(caught.value)
    assert [in_header(asked) for asked in source.asked] == [True, False] * 2


@pytest.mark.parametrize(("placement", "header"), [("header", True), ("params", False)])
def test_a_configured_placement_is_the_only_one(clients: Clients, placement: str, header: bool) -> None:
    """Who configures a placement gets that one, refused or not."""
    with serving(says(REFUSED)) as source, pytest.raises(NotAllowed, match="get_event_log: app code"):
        clients(source.url, auth={"placement": placement}).get_event_log("1")

    assert [in_header(asked) for asked in source.asked] == [header]


def test_many_threads_share_one_client(clients: Clients) -> None:
    """Any number of polls at once get their own answers, and agree on where the credentials go."""

    def own_log(asked: Asked) -> object:
        rows = [{"operate": "ACK", "create_time": asked.params["id"]}]
        return {"result": True, "data": rows} if not in_header(asked) else REFUSED

    ids = [str(number) for number in range(1_000_000_000, 1_000_000_040)]
    with serving(answers(own_log)) as source, ThreadPoolExecutor(8) as pool:
        client = clients(source.url)
        logs = list(pool.map(client.get_event_log, ids))
        in_header_so_far = sum(in_header(asked) for asked in source.asked)
        client.get_event_log("1000000000")
        client.close()

    assert [log.records[0].created_at for log in logs] == [float(number) for number in ids]
    assert sum(in_header(asked) for asked in source.asked) == in_header_so_far < len(ids)


def test_a_secret_file_that_changed_is_read_again(clients: Clients, tmp_path: Path) -> None:
    """A rotated token goes out with the next request, without a restart."""
    token = tmp_path / "token"
    token.write_text("first\n")
    with serving(says(ONE_RECORD)) as source:
        client = clients(source.url, auth={"token_file": str(token), "placement": "params"})
        client.get_event_log("1")
        token.write_text("the second\n")
        client.get_event_log("1")

    assert [asked.params["bk_token"] for asked in source.asked] == ["first", "the second"]


def test_requests_say_who_asks_and_for_which_tenant(clients: Clients) -> None:
    """The exporter names itself and its version, and the tenant where one is configured."""
    with serving(says(ONE_RECORD)) as source:
        clients(source.url).get_event_log("1")
        clients(source.url, tenant_id="default").get_event_log("1")

    without, with_tenant = (asked.headers for asked in source.asked)
    assert without["User-Agent"] == f"bkmonitor-flow-exporter/{exporter.__version__}"
    assert "X-Bk-Tenant-Id" not in without
    assert with_tenant["X-Bk-Tenant-Id"] == "default"


def test_configured_headers_go_on_top(clients: Clients) -> None:
    """A configured header is added, and replaces one of ours whatever its case."""
    headers = {"user-agent": "curl/8", "X-Extra": "caf\u00e9 1"}
    with serving(says(ONE_RECORD)) as source:
        clients(source.url, headers=headers).get_event_log("1")

    (asked,) = source.asked
    assert {name.lower(): value for name, value in asked.headers.items()}["user-agent"] == "curl/8"
    assert asked.headers["X-Extra"] == "caf\u00e9 1"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_stands_below_the_url_of_the_source(clients: Clients, slash: str) -> None:
    """A path is appended to the source's address, whose own path stays."""
    with serving(says(ONE_RECORD)) as source:
        paths = {"get_event_log": "/log/"}
        clients(f"{source.url}/base{slash}", paths=paths).get_event_log("1")

    assert source.asked[0].target == "/base/log/?id=1"


def test_an_absolute_path_replaces_the_url_of_the_source(clients: Clients) -> None:
    """An endpoint may stand on a host of its own, as search and log do where one is behind a gateway."""
    with serving(says(ONE_RECORD)) as source:
        clients(paths={"get_event_log": f"{source.url}/elsewhere/"}).get_event_log("1")

    assert source.asked[0].target == "/elsewhere/?id=1"
