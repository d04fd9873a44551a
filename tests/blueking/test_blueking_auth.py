"""Who we say that we are, and where: header or parameters, and never both."""

import json
from pathlib import Path

import pytest

import exporter
from tests.blueking.clients import SECRET, Clients, Endpoint
from tests.blueking.loopback import ONE_RECORD, says, serving

HEADER = "X-Bkapi-Authorization"


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
