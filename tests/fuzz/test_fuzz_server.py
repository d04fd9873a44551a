"""Bytes of any kind at the port of a real server: it answers or hangs up, and serves the next one."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.web import Server
from tests.fuzz.edits import EDITS, edited
from tests.fuzz.harnesses import corpus
from tests.metrics.moments import make_moment
from tests.web.site import application

PIECES = st.sampled_from(
    [b"\r\n\r\n", b"\n", b"\r", b" HTTP/9.9", b": ", b"%00", b"Content-Length: 99\r\n", b"5\r\nhello"]
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Give a server on a free port."""
    served = Server(application(make_moment()), "127.0.0.1", 0)
    yield served
    served.stop()


def request_of(inputs: bytes) -> bytes:
    """Return the bytes of a request whose head is an input of the corpus."""
    first, _, headers = inputs.partition(b"\n")
    return first + b" HTTP/1.1\r\n" + headers.replace(b"\n", b"\r\n") + b"Connection: close\r\n\r\n"


def answer_to(server: Server, sent: bytes) -> bytes:
    """Return all that comes back before the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := client.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass  # it hung up on what it had not read to its end
        return answer


REQUESTS = [request_of(path.read_bytes()) for path in corpus("requests")]


@settings(
    max_examples=150,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(sent=st.sampled_from(REQUESTS), edits=EDITS, pieces=st.lists(st.tuples(st.floats(0, 1), st.just(0), PIECES)))
def test_any_bytes_are_answered_or_refused(
    server: Server, sent: bytes, edits: list[tuple[float, int, bytes]], pieces: list[tuple[float, int, bytes]]
) -> None:
    """Without an error of the server's own, and in the end everybody else is served as before."""
    answer = answer_to(server, edited(sent, edits + pieces))

    assert answer == b"" or (answer.startswith(b"HTTP/1.1 ") and answer[9:12] != b"500")
    assert answer_to(server, request_of(b"GET /-/healthy\nHost: x\n")).endswith(b"healthy\n")


@pytest.mark.parametrize("target", [b"/\xff", b"/?q=\xc3\xa9", b"/metrics?name[]=\xe9", b"/alerts/prod/\xe2\x80\xae"])
def test_an_address_that_is_not_ascii_is_refused(server: Server, target: bytes) -> None:
    """It never gets to the application, which could not decode it."""
    assert answer_to(server, request_of(b"GET " + target + b"\nHost: x\n")).startswith(b"HTTP/1.1 400 ")
