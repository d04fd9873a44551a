"""Who asks for reloads, and what they are told."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from exporter.config import Settings
from exporter.service import Outcome, Reloader
from tests.e2e.harness import wait_until


def unused() -> Settings:
    """Load nothing: whoever reloads here does not ask for it."""
    raise AssertionError("nothing is to be loaded")


class Gate:
    """A reload that takes until it is let through."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.through = threading.Semaphore(0)
        self.made = 0

    def __call__(self) -> Outcome:
        """Reload."""
        self.made += 1
        self.begun.release()
        assert self.through.acquire(timeout=10)
        return Outcome(f"fault {self.made}")


def no_bug(bug: BaseException) -> None:
    """Fail: no bug is expected."""
    pytest.fail(str(bug))


def started(reload: Callable[[], Outcome]) -> Reloader:
    """Return a reloader at work, in which no bug is expected."""
    reloader = Reloader(unused)
    reloader.start(reload, on_bug=no_bug)
    return reloader


def test_what_is_asked_for_during_a_reload_is_one_more() -> None:
    """However many ask: the config may have changed since the one under way read it, and once is enough for all."""
    gate = Gate()
    reloader = started(gate)
    first = reloader.request()
    assert gate.begun.acquire(timeout=10)
    others = [reloader.request() for _ in range(30)]

    gate.through.release(2)

    assert first.result(10).faults == "fault 1"
    assert {other.result(10).faults for other in others} == {"fault 2"}
    reloader.stop()
    assert gate.made == 2


def test_what_is_asked_for_before_the_start_waits_for_it() -> None:
    """A signal that comes while the exporter starts is heeded once it runs."""
    reloader = Reloader(unused)
    early = reloader.request()
    assert not early.done()

    reloader.start(lambda: Outcome(), no_bug)

    assert early.result(10).faults == ""
    reloader.stop()


def test_who_asks_at_the_end_is_told_so() -> None:
    """Neither who waits when it stops, nor who comes later, waits for ever; the reload under way still ends."""
    gate = Gate()
    reloader = started(gate)
    under_way = reloader.request()
    assert gate.begun.acquire(timeout=10)
    waiting: Future[Outcome] = reloader.request()
    stopping = threading.Thread(target=reloader.stop)
    stopping.start()
    wait_until(lambda: reloader.request().cancelled(), within=10)

    gate.through.release()
    stopping.join(10)

    assert under_way.result(10).faults == "fault 1"
    assert waiting.cancelled()
    assert reloader.reload() is None
    assert gate.made == 1


def test_a_bug_is_handed_on() -> None:
    """What no reload should raise ends the process, not silently a thread; nobody waits for an answer."""
    bugs: list[BaseException] = []
    reloader = Reloader(unused)

    def broken() -> Outcome:
        raise ZeroDivisionError

    reloader.start(broken, bugs.append)

    assert reloader.reload() is None
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]
    reloader.stop()
