"""Who we say that we are, and where: header or parameters, and never both."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import exporter
from exporter.blueking import BadRequest, NoSuchAlert, NotAllowed, Upstream
from tests.blueking.clients import ENDPOINTS, SECRET, Clients, Endpoint
from tests.blueking.loopback import ONE_ALERT, ONE_RECORD, Answer, Asked, Exchange, good, says, serving

HEADER = "X-Bkapi-Authorization"
REFUSED = {"result": False, "code": 1640001, "message": "app code or app secret is incorrect", "data": None}
APP_MISSING = (
    {"result": False, "code": "1306406", "message": "APP Code [bk_app_code] cannot be empty", "data": None},
    {"result": False, "code": 1306406, "message": "an argument is missing", "data": None},
    {"result": False, "code": 3300002, "message": "app_code: this field is required", "data": None},
)
WRONG = {"result": False, "code": 3300002, "message": "id: this field is required", "data": None}
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
    return REFUSED if in_header(asked) else good(asked)


@pytest.mark.parametrize(
    ("auth", "user"),
    [
        ({"username": "管理员"}, {"bk_username": "管理员"}),
        ({"token": "t0ken"}, {"bk_token": "t0ken"}),
        ({"access_token": "acc3ss"}, {"access_token": "acc3ss"}),
    ],
)
def test_the_header_carries_application_and_user(
    clients: Clients, endpoint: Endpoint, auth: dict[str, str], user: dict[str, str]
) -> None:
    """In the header everything stands in one JSON object of ASCII characters, and nothing in query or body."""
    with serving(says(endpoint.good)) as source:
        endpoint.ask(clients(source.url, auth=auth))

    (asked,) = source.asked
    assert asked.params == endpoint.fields
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
def test_parameters_carry_application_and_user(
    clients: Clients, endpoint: Endpoint, auth: dict[str, str], user: dict[str, str]
) -> None:
    """As parameters each stands on its own, in the query of a GET and in the body of a POST, and none in the header."""
    with serving(says(endpoint.good)) as source:
        endpoint.ask(clients(source.url, auth=auth | {"placement": "params"}))

    (asked,) = source.asked
    assert HEADER not in asked.headers
    assert asked.target.partition("?")[:2] == (endpoint.path, "?" if endpoint.method == "GET" else "")
    assert asked.params == {**endpoint.fields, "bk_app_code": "flow-exporter", "bk_app_secret": SECRET, **user}


def test_an_endpoint_that_refuses_the_header_gets_parameters_from_then_on(clients: Clients, endpoint: Endpoint) -> None:
    """The first call finds out within itself; later ones go straight to what was accepted."""
    with serving(answers(old_esb)) as source:
        client = clients(source.url)
        carried = [endpoint.ask(client) for _ in range(2)]

    assert carried == [1, 1]
    assert [in_header(asked) for asked in source.asked] == [True, False, False]
    assert clients.observed == [(endpoint.name, "200")] * 3


def test_what_one_endpoint_accepts_is_not_put_on_the_other(clients: Clients) -> None:
    """Behind a gateway for the search and an old ESB for the log, each gets the credentials where it reads them."""
    with serving(answers(old_esb)) as esb, serving(says(ONE_ALERT)) as gateway:
        client = clients(esb.url, paths={"search_alert": f"{gateway.url}/app/alert/search/"})
        carried = [endpoint.ask(client) for endpoint in ENDPOINTS * 2]

    assert carried == [1, 1, 1, 1]
    assert [in_header(asked) for asked in esb.asked] == [True, False, False]
    assert [in_header(asked) for asked in gateway.asked] == [True, True]


@pytest.mark.parametrize("complaint", APP_MISSING)
def test_an_application_that_is_not_seen_in_the_header_is_told_in_parameters(
    clients: Clients, endpoint: Endpoint, complaint: dict[str, object]
) -> None:
    """An ESB that never looks at the header complains of an argument; that is a refusal of the header."""
    with serving(answers(lambda asked: complaint if in_header(asked) else good(asked))) as source:
        client = clients(source.url)
        carried = [endpoint.ask(client) for _ in range(2)]

    assert carried == [1, 1]
    assert [in_header(asked) for asked in source.asked] == [True, False, False]


@pytest.mark.parametrize("complaint", APP_MISSING)
@pytest.mark.parametrize("placement", ["header", "params", "auto"])
def test_a_missing_application_stays_a_wrong_request(
    clients: Clients, endpoint: Endpoint, complaint: dict[str, object], placement: str
) -> None:
    """Where no place is left to try, it is told as what the source calls it."""
    with serving(says(complaint)) as source, pytest.raises(BadRequest, match=str(complaint["code"])):
        endpoint.ask(clients(source.url, auth={"placement": placement}))

    assert len(source.asked) == (2 if placement == "auto" else 1)


def test_a_missing_application_in_one_place_and_a_refusal_in_the_other_is_a_refusal(
    clients: Clients, endpoint: Endpoint
) -> None:
    """Both are told, and the whole source is asked slowly, for another request would fare no better."""
    with (
        serving(answers(lambda asked: APP_MISSING[0] if in_header(asked) else REFUSED)) as source,
        pytest.raises(NotAllowed, match=r"in header: .* cannot be empty.*; credentials in params: .* is incorrect"),
    ):
        endpoint.ask(clients(source.url))


def test_a_request_that_is_wrong_otherwise_puts_no_secret_into_parameters(clients: Clients, endpoint: Endpoint) -> None:
    """A complaint about anything but the application says nothing against the header."""
    with serving(says(WRONG)) as source, pytest.raises(BadRequest):
        endpoint.ask(clients(source.url))

    assert [in_header(asked) for asked in source.asked] == [True]


@pytest.mark.parametrize("refusal", [REFUSED, *APP_MISSING])
def test_a_header_once_accepted_is_never_replaced_by_parameters(
    clients: Clients, endpoint: Endpoint, refusal: dict[str, object]
) -> None:
    """A later refusal, of an expired secret say, puts no secret into parameters."""
    given = iter([endpoint.good, refusal])
    with serving(answers(lambda _: next(given))) as source:
        client = clients(source.url)
        endpoint.ask(client)
        with pytest.raises((NotAllowed, BadRequest)):
            endpoint.ask(client)

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


def test_a_source_that_refuses_both_says_so_twice(clients: Clients, endpoint: Endpoint) -> None:
    """Which refusal tells the cause depends on what the source reads, so both are told; neither place settles."""
    with serving(says(REFUSED)) as source:
        client = clients(source.url)
        for _ in range(2):
            with pytest.raises(NotAllowed) as caught:
                endpoint.ask(client)

    told = f"{endpoint.name}: app code or app secret is incorrect"
    assert str(caught.value).startswith(f"credentials in header: {told}")
    assert f"; credentials in params: {told}" in str(caught.value)
    assert [in_header(asked) for asked in source.asked] == [True, False] * 2


@pytest.mark.parametrize(("placement", "header"), [("header", True), ("params", False)])
def test_a_configured_placement_is_the_only_one(
    clients: Clients, endpoint: Endpoint, placement: str, header: bool
) -> None:
    """Who configures a placement gets that one, refused or not."""
    with serving(says(REFUSED)) as source, pytest.raises(NotAllowed, match=f"{endpoint.name}: app code"):
        endpoint.ask(clients(source.url, auth={"placement": placement}))

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
def test_a_path_stands_below_the_url_of_the_source(clients: Clients, endpoint: Endpoint, slash: str) -> None:
    """A path is appended to the source's address, whose own path stays."""
    with serving(says(endpoint.good)) as source:
        endpoint.ask(clients(f"{source.url}/base{slash}", paths={endpoint.name: "/its/place/"}))

    assert source.asked[0].target.partition("?")[0] == "/base/its/place/"


def test_an_absolute_path_replaces_the_url_of_the_source(clients: Clients, endpoint: Endpoint) -> None:
    """An endpoint may stand on a host of its own, and is asked there as it would be here: a search by POST."""
    with serving(says(endpoint.good)) as source:
        endpoint.ask(clients(paths={endpoint.name: f"{source.url}/elsewhere/"}))

    (asked,) = source.asked
    assert asked.target.partition("?")[0] == "/elsewhere/"
    assert (asked.method, asked.params) == (endpoint.method, endpoint.fields)
