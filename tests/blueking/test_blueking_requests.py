"""Requests as they go out: written as `requests` writes them, and each with what holds when it does."""

import json
from pathlib import Path

import pytest
import requests

from tests.blueking.clients import Clients
from tests.blueking.loopback import ONE_RECORD, says, serving

ID = "168387970514723"


@pytest.mark.parametrize(
    "username",
    ["admin", "a b+c", "100%", "%7E%zz", "~*-._", "a&b=c;d", "#/?@:[]", '"\\<>', "\u7ba1\u7406\u5458", "\U0001f600"],
)
@pytest.mark.parametrize("path", ["/get_event_log/", "/a%20b/%7Elog", "/\u76d1\u63a7/"])
def test_a_query_is_written_as_requests_writes_it(clients: Clients, username: str, path: str) -> None:
    """Whatever stands in a parameter arrives as it is, in the one spelling that `requests` has for it."""
    with serving(says(ONE_RECORD)) as source:
        client = clients(
            source.url,
            paths={"get_event_log": path},
            auth={"app_secret": "s", "username": username, "placement": "params"},
        )
        client.get_event_log(ID)
        client.get_event_log(ID)

    params = {"id": ID, "bk_app_code": "flow-exporter", "bk_app_secret": "s", "bk_username": username}
    written = requests.Request("GET", source.url + path, params=params).prepare()
    assert [asked.target for asked in source.asked] == [written.path_url] * 2
    assert source.asked[1].params == params


def test_a_secret_that_changed_goes_out_in_the_next_header(clients: Clients, tmp_path: Path) -> None:
    """What was prepared for earlier requests never keeps an old secret in use."""
    token = tmp_path / "token"
    with serving(says(ONE_RECORD)) as source:
        token.write_text("first\n")
        client = clients(source.url, auth={"token_file": str(token), "placement": "header"})
        for text in ("first", "the second", "the second", "first"):
            token.write_text(f"{text}\n")
            client.get_event_log(ID)

    sent = [json.loads(asked.headers["X-Bkapi-Authorization"])["bk_token"] for asked in source.asked]
    assert sent == ["first", "the second", "the second", "first"]


def test_each_request_asks_for_its_own_alert(clients: Clients) -> None:
    """Requests that share their headers share nothing else."""
    with serving(says(ONE_RECORD)) as source:
        client = clients(source.url)
        for alert_id in ("1", "2", "1"):
            client.get_event_log(alert_id)

    assert [asked.params["id"] for asked in source.asked] == ["1", "2", "1"]
