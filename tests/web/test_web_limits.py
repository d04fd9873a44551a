"""Slow clients, idle ones and many at once: what they cost the others, and when they are broken off."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
from flask import Flask

from exporter.web import Server, WebConfig
from exporter.web.threads import Threads
from tests.web.authority import Authority, write_web_file

BEGUN = b"GET / HTTP/1.1\r\nHost: x\r\n"
HELLO_BEGUN = b"\x16\x03\x01\x02\x00"  # TLS: 512 bytes of a handshake follow
LARGE = b"x" * 8_000_000


@contextmanager
def running(config: WebConfig | None = None) -> Iterator[Server]:
    """Give a server with a small page and a page that fills the buffers of a connection."""
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: "hello")
    app.add_url_rule("/large", "large", lambda: LARGE)
    server = Server(app, "127.0.0.1", 0, config)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Give a server that speaks the scheme of its parameter."""
    config = None
    if request.param == "https":
        Authority(tmp_path).issue_server()
        config = WebConfig(write_web_file(tmp_path, {}))
    with running(config) as server:
        yield server


@contextmanager
def clients(server: Server, number: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Give connections that have said something, and are left open until the end."""
    with ExitStack() as connections:
        opened = []
        for _ in range(number):
            client = connections.enter_context(socket.socket())
            client.settimeout(30)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(said)
            opened.append(client)
        yield opened


def scrape(server: Server, folder: Path) -> str:
    """Return what a scrape gets, with a connection of its own."""
    return requests.get(server.url, verify=str(folder / "ca.pem"), timeout=60).text


def is_open(connection: socket.socket) -> bool:
    """Tell whether the server still waits for what this client may say."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@pytest.mark.parametrize(
    ("server", "said"),
    [("http", b""), ("http", BEGUN), ("https", b""), ("https", HELLO_BEGUN)],
    indirect=["server"],
    ids=["silent", "head begun", "silent where TLS is spoken", "handshake begun"],
)
def test_five_hundred_clients_that_say_nothing_more(said: bytes, server: Server, tmp_path: Path) -> None:
    """A scrape is answered while they are still waited for: their time-outs are no business of its own."""
    with clients(server, 500, said) as connections:
        assert scrape(server, tmp_path) == "hello"
        assert is_open(connections[-100])


@pytest.mark.parametrize(
    ("server", "said"), [("http", BEGUN), ("https", HELLO_BEGUN)], indirect=["server"], ids=["head", "handshake"]
)
def test_clients_that_dribble(said: bytes, server: Server, tmp_path: Path) -> None:
    """A hundred clients that go on byte by byte, none of them ever silent for long; a scrape comes between."""
    done = threading.Event()

    def dribble(connections: list[socket.socket]) -> None:
        while not done.wait(0.1):
            for connection in connections:
                try:
                    connection.sendall(b"X")
                except OSError:
                    return

    with clients(server, 100, said) as connections:
        dribbling = threading.Thread(target=dribble, args=(connections,))
        dribbling.start()
        try:
            assert scrape(server, tmp_path) == "hello"
            assert is_open(connections[-50])
        finally:
            done.set()
            dribbling.join()


def test_clients_that_do_not_read_their_answers(tmp_path: Path) -> None:
    """Three hundred who ask for much and read nothing of it: a scrape does not wait until they are broken off."""
    with running() as server, clients(server, 300, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as connections:
        assert scrape(server, tmp_path) == "hello"
        with connections[-100].makefile("rb") as answer:
            head = b"".join(iter(answer.readline, b"\r\n"))
            assert f"Content-Length: {len(LARGE)}".encode() in head
            assert answer.read(len(LARGE)) == LARGE


def test_there_is_an_end_to_what_a_client_may_leave_open() -> None:
    """Of 500 who say nothing those who came first are broken off for those who came last, a few hundred stay."""
    with running() as server, clients(server, 500, b"") as connections:
        assert requests.get(server.url, timeout=5).status_code == 200
        assert connections[0].recv(1) == b""
        connections[-1].sendall(BEGUN + b"\r\n")
        assert connections[-1].recv(12) == b"HTTP/1.1 200"


class Slow:
    """A connection that is never done until it is given up."""

    def __init__(self, remote_addr: str = "192.0.2.1", threads: "list[Threads] | None" = None) -> None:
        self.remote_addr: str | None = remote_addr
        self.begun, self.gave_up, self.closed = threading.Event(), threading.Event(), threading.Event()
        self._threads = threads or []

    def communicate(self) -> bool:
        """Wait; where there are threads, tell them that the head is complete before."""
        for threads in self._threads:
            threads.answering(self)
        self.begun.set()
        if not self.gave_up.wait(10):
            raise AssertionError("nobody gave it up")
        raise OSError("broken off")

    def give_up(self) -> None:
        """Go on."""
        self.gave_up.set()

    def close(self) -> None:
        """Take note."""
        self.closed.set()


@pytest.fixture
def kept() -> list[object]:
    """Give the list of the connections that may go on."""
    return []


def test_a_head_has_its_time(kept: list[object]) -> None:
    """However busy a client is with its head, in the end it is broken off; one that is answered has longer."""
    threads = Threads(kept.append, head_within=0.1, answer_within=60)
    threads.start()
    slow, answered = Slow(), Slow(threads=[threads])
    threads.put(slow)
    threads.put(answered)

    assert slow.closed.wait(10)
    assert not answered.gave_up.is_set()
    threads.stop(0)
    assert answered.closed.wait(10)
    assert kept == []


def test_an_answer_has_its_time(kept: list[object]) -> None:
    """A client that does not read its answer is broken off as well."""
    threads = Threads(kept.append, head_within=60, answer_within=0.1)
    threads.start()
    slow = Slow(threads=[threads])
    threads.put(slow)

    assert slow.closed.wait(10)
    threads.stop(0)


def test_at_the_limit_the_greediest_gives_way(kept: list[object]) -> None:
    """The place of a newcomer is the oldest one of the client that has the most, not that of a lonely older one."""
    threads = Threads(kept.append, most=4)
    lonely, *greedy = (Slow(address) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2"))
    for slow in (lonely, *greedy):
        threads.put(slow)

    newcomer = Slow("192.0.2.3")
    threads.put(newcomer)

    assert greedy[0].closed.wait(10)
    assert newcomer.begun.wait(10)
    assert [slow.gave_up.is_set() for slow in (lonely, *greedy[1:])] == [False] * 3
    threads.stop(0)
    assert all(slow.closed.wait(10) for slow in (lonely, newcomer, *greedy))


class Quick(Slow):
    """A connection that is done at once, and may go on."""

    def communicate(self) -> bool:
        """Tell so."""
        return True


def test_a_connection_that_may_go_on_is_kept(kept: list[object]) -> None:
    """It goes back to the server, which watches it until its next request."""
    arrived = threading.Event()

    def keep(talk: object) -> None:
        kept.append(talk)
        arrived.set()

    quick = Quick()
    Threads(keep).put(quick)

    assert arrived.wait(10)
    assert kept == [quick]
    assert not quick.closed.is_set()


def test_a_system_without_threads_loses_the_connection_alone(
    kept: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives no more threads a connection is closed, and the server goes on to accept others."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    slow = Slow()
    Threads(kept.append).put(slow)

    assert slow.closed.is_set()
    assert not slow.begun.is_set()


def test_the_end_does_not_wait_for_a_thread_that_is_only_about_to_start(
    kept: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of the last moment is broken off like the others."""
    monkeypatch.setattr(threading.Thread, "start", lambda _thread: None)
    threads, slow = Threads(kept.append), Slow()
    threads.put(slow)

    threads.stop(10)

    assert slow.gave_up.is_set()
