"""The watchdog: one thread cuts every connection at its time, and never another one."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from exporter.watchdog import WATCHDOG, Line
from tests.blueking.clients import Clients
from tests.blueking.loopback import ONE_RECORD, Exchange, says, serving

SOON = 0.1
LATER = 60.0
ANSWER = b"x"
END = b""
AFTER_A_FORK = """
import os, signal, socket, time
from exporter.watchdog import WATCHDOG, Line

def is_cut(seconds):
    ours, theirs = socket.socketpair()
    line = Line(os.dup(ours.fileno()))
    WATCHDOG.watch(line, time.monotonic() + seconds)
    return theirs.recv(1) == b""

assert is_cut(0.01)
child = os.fork()
signal.alarm(20)
assert is_cut(0.01)
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


class Wire:
    """A connection to a peer that sends nothing by itself, and a line beside it."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.theirs.settimeout(20)
        self.line = Line(os.dup(self.ours.fileno()))

    def close(self) -> None:
        """Close both ends, and have nobody watch the line any more."""
        WATCHDOG.leave(self.line)
        self.ours.close()
        self.theirs.close()

    @property
    def is_open(self) -> bool:
        """Whether what we send arrives."""
        try:
            self.ours.send(ANSWER)
        except BrokenPipeError:
            return False
        return self.theirs.recv(1) == ANSWER


@pytest.fixture
def wires() -> Iterator[list[Wire]]:
    """Return three wires, closed with the test."""
    with ExitStack() as closing:
        made = [Wire() for _ in range(3)]
        for wire in made:
            closing.callback(wire.close)
        yield made


def test_each_line_is_cut_at_its_own_time(wires: list[Wire]) -> None:
    """A line that ends sooner than those before it is cut in time, and those go on."""
    started = time.monotonic()
    for wire, seconds in zip(wires, (LATER, SOON, 2 * SOON), strict=True):
        WATCHDOG.watch(wire.line, started + seconds)

    assert wires[1].theirs.recv(1) == END
    assert time.monotonic() - started >= SOON
    assert wires[2].theirs.recv(1) == END
    assert 2 * SOON <= time.monotonic() - started < LATER / 2
    assert [wire.is_open for wire in wires] == [True, False, False]


def test_a_line_whose_time_is_over_already_is_cut_at_once(wires: list[Wire]) -> None:
    """Connecting may have taken all the time there was."""
    WATCHDOG.watch(wires[0].line, time.monotonic() - 1)

    assert wires[0].theirs.recv(1) == END


def test_a_line_that_is_left_in_time_is_not_cut(wires: list[Wire]) -> None:
    """It may be watched anew, for another answer, and is then cut at that time."""
    left, cut, again = wires
    now = time.monotonic()
    for wire in wires:
        WATCHDOG.watch(wire.line, now + SOON)
    WATCHDOG.leave(left.line)
    WATCHDOG.leave(again.line)
    WATCHDOG.watch(again.line, now + 2 * SOON)

    assert cut.theirs.recv(1) == END
    assert again.theirs.recv(1) == END
    assert left.is_open


def test_a_line_can_be_left_when_it_was_cut_or_never_watched(wires: list[Wire]) -> None:
    """An exchange ends the same way, whatever happened to it."""
    WATCHDOG.watch(wires[0].line, time.monotonic())
    assert wires[0].theirs.recv(1) == END

    WATCHDOG.leave(wires[0].line)
    WATCHDOG.leave(wires[1].line)

    assert wires[1].is_open


def test_the_number_of_a_closed_connection_may_serve_another_one(wires: list[Wire]) -> None:
    """Where a connection is closed and another one gets its number, the line still cuts its own."""
    watched, other, _ = wires
    WATCHDOG.watch(watched.line, time.monotonic() + SOON)
    number = watched.ours.fileno()
    watched.ours.close()
    with socket.socket(fileno=os.dup2(other.ours.fileno(), number, inheritable=False)) as reuse:
        assert watched.theirs.recv(1) == END
        reuse.send(ANSWER)
        assert other.theirs.recv(1) == ANSWER


def test_cutting_a_connection_that_was_reset_is_no_error(wires: list[Wire]) -> None:
    """The watchdog lives on, and cuts the next one."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        theirs, _ = server.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        line = Line(os.dup(ours.fileno()))
        WATCHDOG.watch(line, time.monotonic())
        WATCHDOG.watch(wires[0].line, time.monotonic() + SOON)

        assert wires[0].theirs.recv(1) == END


def test_a_line_ends_with_its_last_holder() -> None:
    """A line keeps its connection open as long as it is held, and no longer."""
    ours, theirs = socket.socketpair()
    with theirs:
        line = Line(os.dup(ours.fileno()))
        ours.close()
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)

        del line

        assert theirs.recv(1) == END


@pytest.mark.parametrize("headers", [{}, {"Connection": "close"}], ids=["kept", "not kept"])
def test_a_connection_that_is_not_kept_ends_at_once(clients: Clients, headers: dict[str, str]) -> None:
    """The server sees its end with the answer where it asked for that, else when the client is closed."""
    gone = threading.Event()

    def answer(exchange: Exchange) -> None:
        says(ONE_RECORD, headers=headers)(exchange)
        if exchange.handler.connection.recv(1) == END:
            gone.set()

    with serving(answer) as source:
        client = clients(source.url)
        client.get_event_log("1")
        if not headers:
            assert not gone.is_set()
            client.close()
        assert gone.wait(20)


def test_all_exchanges_share_one_thread(clients: Clients) -> None:
    """However many requests are under way, of whichever client, the same thread watches over them."""
    watchdogs = []

    def answer(exchange: Exchange) -> None:
        watchdogs.append({thread.ident for thread in threading.enumerate() if thread.name == "watchdog"})
        says(ONE_RECORD)(exchange)

    with serving(answer) as source, ThreadPoolExecutor(4) as pool:
        clients(source.url).get_event_log("1")  # the thread may begin with this one
        for client in (clients(source.url), clients(source.url)):
            list(pool.map(client.get_event_log, map(str, range(20))))

    assert len(watchdogs[1]) == 1
    assert watchdogs[1:] == watchdogs[1:2] * 40


def test_a_forked_process_has_a_watchdog_of_its_own() -> None:
    """A thread does not survive a fork; deadlines do."""
    command = [sys.executable, "-W", "ignore", "-c", AFTER_A_FORK]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
