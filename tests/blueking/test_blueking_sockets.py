"""The worst that a network and a server can do, over real sockets: bounded in time and in size, and told apart."""

import gzip
import time

import pytest

from exporter.blueking import BlueKingError, TimedOut, Unreachable, Unreadable
from tests.blueking.clients import Clients
from tests.blueking.loopback import (
    ONE_RECORD,
    TLS,
    Answer,
    Exchange,
    closed_port,
    hangs,
    says,
    server_tls,
    serving,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MIB = 1024 * 1024


def sends(*pieces: bytes) -> Answer:
    """Return an answer of bytes as they are, head included, that ends with its connection."""

    def answer(exchange: Exchange) -> None:
        exchange.send(*pieces)
        exchange.handler.close_connection = True

    return answer


def drips(text: bytes, after: bytes = b"") -> Answer:
    """Return an answer whose last part comes a byte at a time, each of them well within the time-out."""

    def answer(exchange: Exchange) -> None:
        exchange.send(after)
        exchange.drip(text)
        exchange.handler.close_connection = True

    return answer


def resets(after: bytes) -> Answer:
    """Return an answer that is broken by a reset."""

    def answer(exchange: Exchange) -> None:
        exchange.send(after)
        exchange.reset()

    return answer


def failure(clients: Clients, answer: Answer, **settings: object) -> BlueKingError:
    """Return the error of a poll that is answered like that."""
    with serving(answer) as source, pytest.raises(BlueKingError) as caught:
        clients(source.url, **settings).get_event_log("1")
    return caught.value


def test_a_silent_server_times_out(clients: Clients) -> None:
    """No answer within the time-out is a time-out, observed without a status."""
    error = failure(clients, hangs, timeout=0.1)

    assert type(error) is TimedOut
    assert str(error) == "get_event_log: no answer in time"
    assert clients.observed == [("get_event_log", "error")]
    assert 0.1 <= clients.seconds[0] < 5


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (drips(b"HTTP/1.1" + b" " * 999), "error"),
        (drips(b" " * 999, after=HEAD + b"Content-Length: 999\r\n\r\n"), "200"),
        (drips(b" " * 999, after=HEAD + b"Connection: close\r\n\r\n"), "200"),
        (drips(b"0" * 999, after=HEAD + b"Transfer-Encoding: chunked\r\n\r\n"), "200"),
    ],
    ids=["head", "body", "body without length", "length of a chunk"],
)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_dripping_server_is_cut_at_three_times_the_timeout(
    clients: Clients, answer: Answer, code: str, tls: bool
) -> None:
    """A server that sends a byte now and then keeps us no longer than three time-outs, wherever it drips."""
    with serving(answer, server_tls() if tls else None) as source:
        client = clients(source.url, timeout=0.3, tls={"ca_file": str(TLS / "ca.pem")})
        with pytest.raises(TimedOut, match=r"the answer was not complete within 0\.9 s"):
            client.get_event_log("1")

    assert clients.observed == [("get_event_log", code)]
    assert 0.9 <= clients.seconds[0] < 5


def test_a_slow_answer_within_the_deadline_is_read(clients: Clients) -> None:
    """What drips to its end in time is an answer like any other."""
    answer = drips(b'{"result":true,"data":[]}', after=HEAD + b"Content-Length: 25\r\n\r\n")
    with serving(answer) as source:
        assert clients(source.url, timeout=5).get_event_log("1").records == ()


def test_a_closed_port_is_unreachable(clients: Clients) -> None:
    """A refused connection is told in the words of the system, and observed without a status."""
    with pytest.raises(Unreachable) as caught:
        clients(closed_port()).get_event_log("1")

    assert str(caught.value) == "get_event_log: Connection refused"
    assert clients.observed == [("get_event_log", "error")]


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (resets(b""), Unreachable, "error"),
        (resets(HEAD + b"Content-Length: 99\r\n\r\n{"), Unreachable, "200"),
        (sends(), Unreachable, "error"),
        (sends(b"SSH-2.0-OpenSSH_9.2\r\n"), Unreadable, "error"),
        (sends(HEAD + b"Content-Length: 99\r\n\r\n{"), Unreadable, "200"),
        (sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"), Unreadable, "200"),
        (sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfive\r\n{"), Unreadable, "200"),
        (sends(HEAD + b"Content-Length: 16\r\n\r\n" + b'{"result": true,'), Unreadable, "200"),
        (sends(HEAD + b"Content-Encoding: gzip\r\n\r\n{}"), Unreadable, "200"),
        (sends(HEAD + b"Connection: close\r\n\r\n"), Unreadable, "200"),
        (sends(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), Unreadable, "error"),
        (says(b"0" * (32 * MIB + 1)), Unreadable, "200"),
        (says(gzip.compress(b"0" * (64 * MIB)), headers={"Content-Encoding": "gzip"}), Unreadable, "200"),
    ],
    ids=[
        *("reset", "reset in the body", "closed", "not HTTP", "cut off", "cut off in a chunk", "broken chunk"),
        *("cut-off JSON", "not gzip", "empty", "too many headers", "too large", "too large when unpacked"),
    ],
)
def test_a_broken_answer_is_told_apart_from_a_broken_connection(
    clients: Clients, answer: Answer, error: type[BlueKingError], code: str
) -> None:
    """Without an answer the source is unreachable; with one that is none, cut off or too large, it is unreadable."""
    assert type(failure(clients, answer)) is error
    assert clients.observed == [("get_event_log", code)]


@pytest.mark.parametrize("headers", [["gzip, gzip"], ["gzip", "gzip"]], ids=["one header", "two headers"])
def test_an_answer_that_is_packed_more_than_once_is_not_unpacked(clients: Clients, headers: list[str]) -> None:
    """Nobody asked for it, and layers of empty members keep a core busy for as long as a server likes."""
    packed = gzip.compress(gzip.compress(b'{"result": true, "data": []}'))
    lines = b"".join(b"Content-Encoding: %s\r\n" % header.encode() for header in headers)

    error = failure(clients, sends(HEAD + lines + b"Content-Length: %d\r\n\r\n" % len(packed) + packed))

    assert type(error) is Unreadable
    assert str(error) == "get_event_log: the answer is packed more than once (HTTP 200)"


def test_an_answer_of_almost_the_largest_size_is_read(clients: Clients) -> None:
    """The limit is far beyond a real log, and what is below it is read, packed too."""
    body = b'{"result": true, "data": [' + b" " * (31 * MIB) + b"]}"
    packed = says(gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})
    with serving(packed) as source:
        assert clients(source.url).get_event_log("1").records == ()

    assert "gzip" in source.asked[0].headers["Accept-Encoding"]


def test_a_connection_is_used_again_while_it_is_open(clients: Clients) -> None:
    """One poll after the other goes over one connection."""
    with serving(says(ONE_RECORD)) as source:
        client = clients(source.url)
        for _ in range(3):
            client.get_event_log("1")

    assert len(source.connections) == 1


def test_a_deadline_ends_with_its_request(clients: Clients) -> None:
    """The cut of an earlier request never reaches a later one on the same connection."""
    with serving(says(ONE_RECORD)) as source:
        client = clients(source.url, timeout=0.3)
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            client.get_event_log("1")

    assert len(source.connections) == 1
