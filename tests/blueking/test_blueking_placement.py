"""Where the credentials go: header or parameters, by each endpoint, and never where they would only be written down."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.blueking import BadRequest, NoSuchAlert, NotAllowed, Upstream
from tests.blueking.clients import ENDPOINTS, Clients, Endpoint
from tests.blueking.loopback import ONE_ALERT, ONE_RECORD, Answer, Asked, Exchange, good, says, serving

HEADER = "X-Bkapi-Authorization"
WHO_ASKS = "User authentication failed, please provide a valid user identity, such as bk_username, bk_token"


def no(code: object, message: str) -> dict[str, object]:
    """Return an answer that says no."""
    return {"result": False, "code": code, "message": message, "data": None}


REFUSED = no(1640001, "app code or app secret is incorrect")
UNSEEN = no("1306000", WHO_ASKS)
APP_MISSING = (
    no("1306406", "APP Code [bk_app_code] cannot be empty"),
    no(1306406, "缺少参数 bk_app_code"),
    no(3300002, "app_code: this field is required"),
)
USER_MISSING = (
    UNSEEN,
    no(1306000, "APP Code [bk_app_code] cannot be empty"),
    no(1306000, "Signature [bk_signature] and APP Secret [bk_app_secret] cannot be empty at the same time"),
    no("1306402", "User authentication failed, authentication parameter bk_token is required"),
)
SEEN = (
    REFUSED,
    no(1640001, f'Parameters error [reason="{WHO_ASKS}"]'),
    no(1640001, 'Parameters error [reason="please provide bk_app_secret or bk_signature to verify app"]'),
    no(1640301, "App has no permission to the resource"),
    no("1306000", "APP Secret verification failed, authentication of APP Code [bk_app_code=x] is not possible"),
    no("1306000", "User authentication failed, please check if the bk_token is valid"),
    no("1306403", "APP [bk_app_code=x] is forbidden to access this component"),
    no(3300002, "id: this field is required"),
    no(1306406, "an argument is missing"),
    no(1306406, "Parameter bk_biz_ids cannot be empty"),
    no(1306404, "Not found, component class not found"),
    no(400, "query_string: app_code is no field"),
)
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
    return UNSEEN if in_header(asked) else good(asked)


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


@pytest.mark.parametrize("complaint", [*APP_MISSING, *USER_MISSING])
def test_who_is_not_seen_in_the_header_is_told_in_parameters(
    clients: Clients, endpoint: Endpoint, complaint: dict[str, object]
) -> None:
    """An ESB that never looks at the header complains that nobody said who asks, each version in its words."""
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


@pytest.mark.parametrize("refusal", SEEN)
def test_a_refusal_that_misses_no_credentials_puts_no_secret_into_parameters(
    clients: Clients, endpoint: Endpoint, refusal: dict[str, object]
) -> None:
    """Who says that something else is wrong, or that the credentials are, has seen them; and so has any gateway."""
    with serving(says(refusal)) as source, pytest.raises((NotAllowed, BadRequest)):
        endpoint.ask(clients(source.url))

    assert [in_header(asked) for asked in source.asked] == [True]


@pytest.mark.parametrize(
    ("status", "headers"), [(401, {}), (403, {}), (302, {"Location": "https://paas.test/login/?bk_token="})]
)
def test_a_refusal_without_a_word_puts_no_secret_into_parameters(
    clients: Clients, endpoint: Endpoint, status: int, headers: dict[str, str]
) -> None:
    """A wall before the source, or its login page, would only write them down."""
    with serving(says(b"", status, headers)) as source, pytest.raises(NotAllowed):
        endpoint.ask(clients(source.url))

    assert [in_header(asked) for asked in source.asked] == [True]


def test_a_request_that_is_wrong_shows_its_own_fault_where_parameters_are_read(
    clients: Clients, endpoint: Endpoint
) -> None:
    """What is wrong with it is told alone: that the header was not seen has nothing to do with it."""
    wrong = no(3300002, "id: this field is required")
    with (
        serving(answers(lambda asked: UNSEEN if in_header(asked) else wrong)) as source,
        pytest.raises(BadRequest, match=f"^{endpoint.name}: id: this field is required"),
    ):
        endpoint.ask(clients(source.url))


@pytest.mark.parametrize("refusal", [REFUSED, UNSEEN, *APP_MISSING])
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
    given = iter([TROUBLE, UNSEEN, ONE_RECORD])
    with serving(answers(lambda _: next(given))) as source:
        client = clients(source.url)
        with pytest.raises(Upstream):
            client.get_event_log("1")
        client.get_event_log("1")

    assert [in_header(asked) for asked in source.asked] == [True, True, False]


def test_a_source_that_refuses_both_says_so_twice(clients: Clients, endpoint: Endpoint) -> None:
    """Which refusal tells the cause depends on what the source reads, so both are told; neither place settles."""
    with serving(says(UNSEEN)) as source:
        client = clients(source.url)
        for _ in range(2):
            with pytest.raises(NotAllowed) as caught:
                endpoint.ask(client)

    told = f"{endpoint.name}: {WHO_ASKS}"
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
        return {"result": True, "data": rows} if not in_header(asked) else UNSEEN

    ids = [str(number) for number in range(1_000_000_000, 1_000_000_040)]
    with serving(answers(own_log)) as source, ThreadPoolExecutor(8) as pool:
        client = clients(source.url)
        logs = list(pool.map(client.get_event_log, ids))
        in_header_so_far = sum(in_header(asked) for asked in source.asked)
        client.get_event_log("1000000000")
        client.close()

    assert [log.records[0].created_at for log in logs] == [float(number) for number in ids]
    assert sum(in_header(asked) for asked in source.asked) == in_header_so_far < len(ids)
