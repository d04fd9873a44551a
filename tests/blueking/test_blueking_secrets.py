"""No secret shows: not in a message, not in a context, not in a log, in whatever spelling it comes back."""

import base64
import html
import json
import logging
import re
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.blueking import BlueKingError, Redactor
from tests.blueking.clients import ENDPOINTS, SECRET, Clients, Endpoint
from tests.blueking.loopback import Answer, Exchange, closed_port, good, hangs, says, serving

TOKEN = "t0k'en \"<é>\\ 100%/"
PROXY_PASSWORD = "pr0xy/p@ss"
HEADER_SECRET = "h3ader=value+/"
IN_ALL_FORMS = (SECRET, TOKEN, PROXY_PASSWORD, HEADER_SECRET)


def spelled(secret: str) -> set[str]:
    """Return the forms in which a secret may come back."""
    as_json, percent = json.dumps(secret)[1:-1], quote(secret, safe="")
    return {
        *(secret, as_json, json.dumps(as_json)[1:-1], html.escape(secret), as_json.replace("/", "\\/")),
        *(percent, quote(secret), quote_plus(secret), quote(percent, safe="")),
        re.sub("%..", lambda octet: octet[0].lower(), percent),
    }


def leaks(text: str, secrets: tuple[str, ...] = IN_ALL_FORMS) -> list[str]:
    """Return the forms of secrets that show in a text."""
    return [form for secret in secrets for form in spelled(secret) if form in text]


def told(error: BaseException) -> str:
    """Return all that an exception could tell: message, repr, arguments, and the same of what stands behind it."""
    behind = [told(other) for other in (error.__cause__, error.__context__) if other]
    return "\n".join([str(error), repr(error), repr(error.args), *traceback.format_exception(error), *behind])


def echoes(status: int, *, redirect: bool = False) -> Answer:
    """Return an answer that repeats the whole request, and every spelling of its secrets, in body and headers."""

    def answer(exchange: Exchange) -> None:
        asked = exchange.asked
        forms = sorted(form for secret in IN_ALL_FORMS for form in spelled(secret))
        words = f"{asked.words} {forms}"
        body = {"result": False, "code": words, "message": words, "request_id": words, "data": None}
        place = {"Location": f"http://u:p@elsewhere.test{asked.target}"} if redirect else {}
        says(body, status, {"X-Bkapi-Request-Id": quote(words), **place})(exchange)

    return answer


def cuts_off(exchange: Exchange) -> None:
    """Answer with a broken body that repeats the request."""
    says(f'{{"result": "{exchange.asked.words}'.encode())(exchange)


def botches(exchange: Exchange) -> None:
    """Answer with a header that is none, after which nothing tells where the body ends but the connection."""
    exchange.send(b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\n{}")
    exchange.handler.close_connection = True


def shouts(exchange: Exchange) -> None:
    """Answer in plain text that repeats the request."""
    says(f"who is {exchange.asked.words}?".encode(), 403)(exchange)


AUTH: dict[str, dict[str, Any]] = {
    "username": {"username": "admin"},
    "token": {"token": TOKEN},
    "access token": {"access_token": TOKEN},
}
WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "headers": lambda _: {"headers": {"X-Key": HEADER_SECRET, "Authorization": f"Bearer {HEADER_SECRET}"}},
    "proxy": lambda url: {"proxy_url": url.replace("//", f"//carol:{quote(PROXY_PASSWORD, safe='')}@")},
    "proxy with a token": lambda url: {"proxy_url": url.replace("//", f"//{quote(PROXY_PASSWORD, safe='')}@")},
}
ANSWERS: dict[str, Answer] = {
    "success": lambda exchange: says(good(exchange.asked))(exchange),
    "time-out": hangs,
    "error 500": echoes(500),
    "refusal": echoes(200),
    "not allowed": echoes(403),
    "plain text": shouts,
    "redirect": echoes(302, redirect=True),
    "cut off": cuts_off,
    "not HTTP": lambda exchange: exchange.send(exchange.asked.words.encode() + b"\r\n\r\n"),
    "bad headers": botches,
}
GET_EVENT_LOG, SEARCH_ALERT = ENDPOINTS


@pytest.mark.parametrize("placement", ["params", "header", "auto"])
@pytest.mark.parametrize(
    ("endpoint", "way"),
    [*((GET_EVENT_LOG, way) for way in WAYS), (SEARCH_ALERT, "headers")],
    ids=[*(f"log, {way}" for way in WAYS), "search"],
)
@pytest.mark.parametrize("auth", AUTH)
@pytest.mark.parametrize("answer", [*ANSWERS, "refused"])
def test_no_secret_shows_whatever_happens(
    clients: Clients,
    caplog: pytest.LogCaptureFixture,
    endpoint: Endpoint,
    answer: str,
    auth: str,
    way: str,
    placement: str,
) -> None:
    """However secrets are given, and whatever comes back, neither the error nor any log at debug level has one."""
    caplog.set_level(logging.DEBUG)
    errors = []
    with serving(ANSWERS.get(answer, hangs)) as source:
        url = closed_port() if answer == "refused" else source.url
        timeout = 0.05 if answer == "time-out" else 5
        client = clients(url, auth=AUTH[auth] | {"placement": placement}, timeout=timeout, **WAYS[way](url))
        try:
            endpoint.ask(client)
        except BlueKingError as error:
            errors.append(told(error))

    assert bool(errors) == (answer != "success")
    assert leaks("\n".join([*errors, caplog.text])) == []


def test_the_context_of_an_error_is_empty(clients: Clients, endpoint: Endpoint) -> None:
    """Neither cause nor context hangs on an error: those of the HTTP library hold the whole request."""
    with pytest.raises(BlueKingError) as caught:
        endpoint.ask(clients(closed_port()))

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_the_password_of_a_proxy_from_the_environment_is_a_secret_too(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may repeat what it was sent; its password shows no more than a configured one."""
    with serving(echoes(500)) as proxy:
        monkeypatch.setenv("http_proxy", WAYS["proxy"](proxy.url)["proxy_url"])
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(BlueKingError) as caught:
            clients("http://bk.invalid", proxy_from_environment=True).get_event_log("1")

    assert leaks(told(caught.value)) == []


@settings(deadline=None)  # compiling a pattern takes what the machine has left
@given(secret=st.text(min_size=8), words=st.text())
def test_a_redacted_text_has_the_secret_in_no_spelling(secret: str, words: str) -> None:
    """However a secret is escaped, it is masked, and what stands around it is not."""
    redact = Redactor([secret])

    for form in spelled(secret):
        assert leaks(redact(f"{words} {form} {words}"), (secret,)) == []
    assert redact(f"before {secret} after") == "before <secret> after"


def test_the_longer_of_two_secrets_goes_first() -> None:
    """Where one secret begins another, nothing of the longer one is left over."""
    assert Redactor(["abc", "abcdef"])("abcdef abc") == "<secret> <secret>"


def test_an_empty_secret_is_none() -> None:
    """A secret that is empty masks nothing."""
    assert Redactor(["", ""])("as it is") == "as it is"


def test_a_quote_is_cut_only_after_it_was_redacted() -> None:
    """A secret that the limit would cut in two is masked first."""
    secret = base64.b64encode(b"a long secret of many characters").decode()

    assert Redactor([secret]).quote("x" * 190 + secret) == "x" * 190 + "<secret>"
    assert Redactor([secret]).quote("x" * 196 + secret) == "x" * 196 + "<se…"


def test_a_huge_text_is_quoted_from_its_beginning() -> None:
    """Of megabytes only the beginning is looked at, and no part of a secret shows where that ends."""
    secret = "-".join("secret" for _ in range(99))

    quoted = Redactor([secret]).quote(secret * 99_999)

    assert set(quoted.split("<secret>")) == {""}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("char", ["s", "%", "%25", "&", "&amp;", " ", "+", '"', "\\", '\\"', "\n", "é", "\\u00e9"])
def test_a_text_that_almost_is_the_secret_takes_no_time(char: str) -> None:
    """A text that looks like a secret up to its last character is told apart at once, over and over."""
    almost = char * 99

    assert Redactor([f"{almost}END"]).quote(almost * 99).startswith(" ".join(char.split())[:1])
