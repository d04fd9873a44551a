"""What it means when the source says no: the table of api.md, row by row, through the client."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
import responses

from exporter.blueking import (
    BadRequest,
    BlueKingError,
    NoSuchAlert,
    NotAllowed,
    Reason,
    TimedOut,
    TooFast,
    Unreachable,
    Unreadable,
    Upstream,
)
from tests.blueking.clients import NOW, Clients, Endpoint
from tests.blueking.loopback import CREATE

HTML = "<html><body>502 Bad Gateway</body></html>"
CODES: Mapping[int, type[BlueKingError]] = {
    3324002: NoSuchAlert,
    **dict.fromkeys((3300002, 400, 3324003, 1306404, 1306406, 1640401), BadRequest),
    **dict.fromkeys((1641300, 1641399, 1641400, 1641499), BadRequest),
    **dict.fromkeys((1306402, 1306403, 1640001, 1640100, 1640199, 1640300, 1640399, 9900403), NotAllowed),
    **dict.fromkeys((1306429, 1642900, 1642902, 1642999), TooFast),
    **dict.fromkeys((500, 1306000, 1306201, 1306999, 1650200, 1650499, 200, 0, 1234567, -1), Upstream),
}


Refused = Callable[..., BlueKingError]


@pytest.fixture
def refused(clients: Clients, endpoint: Endpoint) -> Refused:
    """Return a function that asks an endpoint and returns the error; `json=` or `body=` as `responses` has it."""

    def ask(*, status: int = 200, headers: Mapping[str, str] | None = None, **answer: Any) -> BlueKingError:
        with responses.RequestsMock() as source:
            source.add(endpoint.method, f"https://bk.test{endpoint.path}", status=status, headers=headers, **answer)
            with pytest.raises(BlueKingError) as caught:
                endpoint.ask(clients(auth={"placement": "header"}))
        assert clients.observed == [(endpoint.name, str(status))]
        return caught.value

    return ask


def no(code: object, message: object = "no", **fields: object) -> dict[str, object]:
    """Return an answer that says no."""
    return {"result": False, "code": code, "message": message, "data": None, **fields}


@pytest.mark.parametrize("as_text", [False, True], ids=["number", "text"])
@pytest.mark.parametrize(("code", "error"), CODES.items())
def test_each_code_is_the_error_to_act_upon(
    refused: Refused, code: int, error: type[BlueKingError], as_text: bool
) -> None:
    """A code decides, as a number and as a text; an unknown one is trouble upstream."""
    assert type(refused(json=no(str(code) if as_text else code))) is error


@pytest.mark.parametrize("code", [None, True, [], {}, "", "E500", 1306429.5, 10**400, "9" * 99])
def test_a_code_that_is_none_is_trouble_upstream(refused: Refused, code: object) -> None:
    """A code that no table has, of whatever type, leaves a refusal what it is: trouble upstream."""
    assert type(refused(json=no(code))) is Upstream


def test_a_code_may_come_with_a_fraction_of_nothing(refused: Refused) -> None:
    """A code that went through a floating point number on its way is still that code."""
    assert type(refused(json=no(3324002.0))) is NoSuchAlert


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, NotAllowed) for status in (401, 403)),
        (408, TimedOut),
        (429, TooFast),
        *((status, BadRequest) for status in (400, 404, 405, 413, 422)),
        *((status, Upstream) for status in (500, 502, 503, 504, 599)),
    ],
)
@pytest.mark.parametrize("body", ["", "no way", HTML, '{"result": fal', '{"result": true, "data": []}', "7"])
def test_each_http_status_is_the_error_to_act_upon(
    refused: Refused, status: int, error: type[BlueKingError], body: str
) -> None:
    """Without a code the HTTP status decides, whatever stands in the body."""
    assert type(refused(status=status, body=body)) is error


@pytest.mark.parametrize(("code", "error"), [(1640001, NotAllowed), (1642902, TooFast), (3324002, NoSuchAlert)])
@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_a_code_with_a_meaning_goes_before_the_status(
    refused: Refused, code: int, error: type[BlueKingError], status: int
) -> None:
    """Gateways rewrite the status; the code in the body still tells what is wrong."""
    assert type(refused(status=status, json=no(code))) is error


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_code_for_trouble_does_not_hide_a_clear_status(refused: Refused, status: int) -> None:
    """A general code such as 500 says less than HTTP 401, 403 or 429."""
    assert refused(status=status, json=no(500)).reason in (Reason.NOT_ALLOWED, Reason.TOO_FAST)


@pytest.mark.parametrize("words", ["User authentication failed", "APP Code [bk_app_code] cannot be empty"])
def test_the_common_error_of_the_esb_is_told_by_its_words(refused: Refused, words: str) -> None:
    """ESB code 1306000 is a refusal where it speaks of authentication, or of credentials that it misses."""
    assert type(refused(json=no("1306000", words))) is NotAllowed


def test_a_gateway_tells_by_headers_where_its_body_does_not(refused: Refused, endpoint: Endpoint) -> None:
    """Code and words of a gateway's headers count where the body has none."""
    headers = {"X-Bkapi-Error-Code": "1642902", "X-Bkapi-Error-Message": "slow down", "X-Bkapi-Request-Id": "r-1"}

    error = refused(status=200, body=HTML, headers=headers)

    assert type(error) is TooFast
    assert str(error) == f"{endpoint.name}: slow down (HTTP 200, code 1642902, request id r-1)"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("", "an empty body"),
        (HTML, "HTML"),
        ('{"result": true, "data": [', "JSON that is cut off or broken"),
        ("fine, thanks", "text"),
        ("\x00\xff", "text"),
    ],
)
def test_what_is_no_json_is_unreadable(refused: Refused, endpoint: Endpoint, body: str, what: str) -> None:
    """A success whose body is no JSON says what came instead."""
    error = refused(body=body)

    assert type(error) is Unreadable
    assert str(error) == f"{endpoint.name}: expected JSON, got {what} (HTTP 200)"


@pytest.mark.parametrize(
    "answer",
    [
        *([], "ok", 7, None, True, {}),
        {"result": True},
        {"data": [CREATE]},
        {"code": 200},
        {"code": 3324002, "data": []},
        {"result": "yes", "data": []},
        {"result": True, "data": "none"},
    ],
)
def test_an_answer_of_another_shape_is_unreadable(refused: Refused, answer: object) -> None:
    """`result` decides; without it, and without a code that is a clear yes, nothing is assumed."""
    assert type(refused(json=answer)) is Unreadable


@pytest.mark.parametrize("verdict", [{"result": True}, {"code": 0}, {"code": "200"}])
def test_a_yes_is_a_log_or_a_page(clients: Clients, endpoint: Endpoint, verdict: dict[str, object]) -> None:
    """`result` true is a yes, and so is code 0 or 200 beside data where `result` is missing."""
    with responses.RequestsMock() as source:
        answer = verdict | {"data": endpoint.good["data"]}
        source.add(endpoint.method, f"https://bk.test{endpoint.path}", json=answer)

        assert endpoint.ask(clients()) == 1


@pytest.mark.parametrize("code", [3324002, 500, "1306429"])
def test_result_is_trusted_against_the_code(clients: Clients, endpoint: Endpoint, code: object) -> None:
    """An answer whose `result` is true is a yes whatever its code."""
    with responses.RequestsMock() as source:
        source.add(endpoint.method, f"https://bk.test{endpoint.path}", json=endpoint.good | {"code": code})

        assert endpoint.ask(clients()) == 1


def date(seconds: float) -> str:
    """Return a time as HTTP writes it."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"X-Bkapi-RateLimit-Reset": "7"}, 7),
        ({"x-bkapi-ratelimit-reset": "7", "Retry-After": "9"}, 7),
        ({"X-Bkapi-RateLimit-Reset": "soon", "Retry-After": "9"}, 9),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "86400"}, 3600),
        ({"Retry-After": date(NOW + 30)}, 30),
        ({"Retry-After": date(NOW - 30)}, 0),
        ({"Retry-After": date(NOW + 86400)}, 3600),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "tomorrow"}, None),
    ],
)
def test_too_fast_tells_how_long_to_wait(refused: Refused, headers: dict[str, str], seconds: float | None) -> None:
    """The wait is what the gateway or the server says, in seconds or as a date; never negative, an hour at most."""
    error = refused(status=429, headers=headers)

    assert isinstance(error, TooFast)
    assert error.retry_after == seconds


def test_a_wrong_path_is_named_by_its_key(refused: Refused, endpoint: Endpoint) -> None:
    """HTTP 404 is most often a path that the deployment does not have: the message names the key to look at."""
    error = refused(status=404, body=HTML)

    assert str(error) == f"{endpoint.name}: is paths.{endpoint.name} right? refused without a word (HTTP 404)"


@pytest.mark.parametrize(
    ("location", "error", "place"),
    [
        ("https://user:pw@paas.test/login/?c_url=x#y", NotAllowed, "https://paas.test/login/ "),
        ("/Login/plain", NotAllowed, "/Login/plain "),
        ("https://paas.test:8443/elsewhere?a=b", BadRequest, "https://paas.test:8443/elsewhere;"),
        ("//[broken", BadRequest, "an unreadable place;"),
        (None, Upstream, "nowhere"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed_but_told(
    refused: Refused, location: str | None, error: type[BlueKingError], place: str, status: int
) -> None:
    """A redirect is an error: to a login page a refusal, elsewhere a wrong address; users and queries stay untold."""
    caught = refused(status=status, headers={"Location": location} if location else None)

    assert type(caught) is error
    assert place in str(caught)
    assert not any(part in str(caught) for part in ("pw@", "c_url", "a=b"))


def test_a_message_is_short_and_one_line(refused: Refused, endpoint: Endpoint) -> None:
    """However long and wild a server's words are, the message is one printable line of some 200 characters."""
    error = refused(json=no("x" * 999, "line\r\n\tone\x1b[31m \ud800" + "y" * 9999, request_id="z" * 999))

    assert str(error).startswith(f"{endpoint.name}: line one [31m yyy")
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize("message", [None, 7, ["a"], {"en": "no"}])
def test_a_refusal_without_words_still_tells_its_code(refused: Refused, endpoint: Endpoint, message: object) -> None:
    """A message that is no text is left out; code and request id stay."""
    error = refused(json=no(500, message, request_id="r-1"))

    assert str(error) == f"{endpoint.name}: refused without a word (HTTP 200, code 500, request id r-1)"


def test_every_reason_has_its_error() -> None:
    """Each error names its reason as the metric's label has it, and all that is trouble upstream is an Upstream."""
    errors = (NotAllowed, TooFast, NoSuchAlert, BadRequest, Upstream, Unreachable, TimedOut, Unreadable)

    assert [str(error.reason) for error in errors] == [
        *("not_allowed", "too_fast", "no_such_alert", "bad_request"),
        *("upstream", "unreachable", "timeout", "unreadable"),
    ]
    assert {error.reason for error in errors} == set(Reason)
    assert all(issubclass(error, Upstream) for error in (Unreachable, TimedOut, Unreadable))
