"""The loop with real threads and a real ledger: births, forgetting, trouble with the ledger, bugs, and its end."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.blueking import NotAllowed, Unreachable
from exporter.flow.records import FlowRecord, Log
from tests.e2e.harness import wait_until
from tests.poller.loops import QUICK, Loop, created, running
from tests.watching import write_watch_file as watch


def test_a_new_series_is_served_as_zero_before_its_value(tmp_path: Path) -> None:
    """After the baseline, a scrape gets 0 first, and the value once the hold has passed since that scrape."""
    watch(tmp_path)
    with running(Loop(tmp_path, created, birth_hold=1.5)) as loop:
        wait_until(lambda: loop.ledger.has_baseline("prod"), within=10)
        watch(tmp_path, "1")
        wait_until(lambda: loop.records() == 1, within=10)
        wait_until(lambda: loop.publisher.current.newborn != (), within=10)
        scraped_at = time.time()
        assert loop.scraped() == ["0.0"]
        wait_until(lambda: loop.scraped() == ["1.0"], within=20)
        assert loop.scraped() == ["1.0"]
        assert time.time() - scraped_at >= 1.5

    with running(Loop(tmp_path, created, birth_hold=3600)) as again:
        assert again.scraped() == ["1.0"]


def test_without_a_scrape_a_series_is_not_born(tmp_path: Path) -> None:
    """The hold begins when somebody got the zero, not when it was rendered."""
    watch(tmp_path)
    with running(Loop(tmp_path, created, birth_hold=0.1)) as loop:
        wait_until(lambda: loop.ledger.has_baseline("prod"), within=10)
        watch(tmp_path, "1")
        wait_until(lambda: loop.publisher.current.newborn != (), within=10)
        threading.Event().wait(1.5)

        assert loop.publisher.current.newborn != ()
        assert loop.scraped() == ["0.0"]


@pytest.mark.parametrize("interval", [0.1, 30.0])
def test_a_ledger_in_trouble_counts_nothing_and_then_everything(interval: float, tmp_path: Path) -> None:
    """While the file is locked nothing is counted; the log says so once; afterwards every record is there."""
    poll = QUICK.model_copy(update={"interval": interval})
    watch(tmp_path, "1", "2", "3")
    with capture_logs() as logs, running(Loop(tmp_path, created, poll=poll)) as loop:
        wait_until(lambda: loop.records() == 3, within=10)
        with closing(sqlite3.connect(tmp_path / "flow.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            watch(tmp_path, "1", "2", "3", "4")
            wait_until(lambda: "ledger is in trouble" in str(logs), within=20)
            threading.Event().wait(2.5)  # some more ticks, which may have nothing to commit
            assert loop.records() == 3
            other.execute("ROLLBACK")
        wait_until(lambda: loop.records() == 4, within=20)
        assert loop.records() == 4

    events = [entry["event"].split(":")[0] for entry in logs]
    assert events.count("ledger is in trouble") == 1
    assert events.count("ledger is back") == 1


def test_alerts_are_forgotten_after_the_retention_but_not_while_watched(tmp_path: Path) -> None:
    """What rested long ago and left the watch leaves the ledger; its totals stay."""
    watch(tmp_path, "1", "2")
    with running(Loop(tmp_path, lambda _: Log((FlowRecord("RECOVER", "SUCCESS", 1.7e9),)))) as loop:
        wait_until(lambda: loop.records() == 2, within=10)
        assert loop.remembered("1", "2") == {"1", "2"}

    watch(tmp_path, "2")
    with running(Loop(tmp_path, created, retention=0.0)) as later:
        wait_until(lambda: later.ledger.version > 0, within=10)
        later.stop()
        assert set(later.ledger.find("prod", ["1", "2"])) == {"2"}
        assert later.records() == 2


def test_a_short_retention_is_kept_without_a_restart(tmp_path: Path) -> None:
    """What rests and left the watch is forgotten by the running loop, not only an hour later."""
    watch(tmp_path, "1", "2")
    ended = Log((FlowRecord("RECOVER", "SUCCESS", 1.7e9),))
    with running(Loop(tmp_path, lambda _: ended, retention=1.0)) as loop:
        wait_until(lambda: loop.records() == 2, within=10)
        watch(tmp_path, "2")

        wait_until(lambda: loop.remembered("1", "2") == {"2"}, within=20)


def test_a_clock_that_is_set_back_stops_nothing(tmp_path: Path) -> None:
    """Polling and publishing go on, whatever hour it is now."""
    asked: list[str] = []

    def count(alert_id: str) -> Log:
        asked.append(alert_id)
        return created(alert_id)

    watch(tmp_path, "1")
    with capture_logs() as logs, running(Loop(tmp_path, count)) as loop:
        wait_until(lambda: len(asked) > 2, within=10)
        loop.offset = -7200.0
        moment, polls = loop.publisher.current.moment, len(asked)
        wait_until(lambda: len(asked) > polls + 5 and loop.publisher.current.moment is not moment, within=10)

        assert len(asked) > polls + 5
        assert loop.publisher.current.moment is not moment
    assert "the clock was set back" in [entry["event"] for entry in logs]


def test_a_bug_in_a_worker_ends_the_loop(tmp_path: Path) -> None:
    """An error that is not BlueKing's is a bug: it is not swallowed by a thread."""

    def buggy(_alert_id: str) -> Log:
        raise ZeroDivisionError

    watch(tmp_path, "1")
    with running(Loop(tmp_path, buggy)) as loop:
        loop.thread.join(10)

        assert isinstance(loop.raised, ZeroDivisionError)


def test_a_stop_commits_what_was_asked(tmp_path: Path) -> None:
    """Answers under way when the signal comes are still counted."""
    asked, release = threading.Event(), threading.Event()

    def slow(alert_id: str) -> Log:
        asked.set()
        release.wait(10)
        return created(alert_id)

    watch(tmp_path, "1")
    with running(Loop(tmp_path, slow)) as loop:
        assert asked.wait(10)
        threading.Timer(0.5, release.set).start()
        loop.stop()

        assert loop.records() == 1


def test_a_stop_does_not_wait_for_a_server_that_hangs(tmp_path: Path) -> None:
    """It ends within seconds, whatever a request under way waits for."""
    asked, release = threading.Event(), threading.Event()

    def hanging(alert_id: str) -> Log:
        asked.set()
        release.wait(60)
        return created(alert_id)

    watch(tmp_path, "1")
    with running(Loop(tmp_path, hanging)) as loop:
        assert asked.wait(10)
        started = time.monotonic()
        loop.stop()
        assert time.monotonic() - started < 8
        release.set()


def test_a_change_of_health_is_published_at_the_next_tick(tmp_path: Path) -> None:
    """A source that is refused shows so within about a second, though nothing is committed for it."""

    def refused(_alert_id: str) -> Log:
        raise NotAllowed("auth")

    watch(tmp_path, "1")
    with running(Loop(tmp_path, refused)) as loop:
        wait_until(lambda: not loop.publisher.current.moment.sources[0].up, within=20)
        first = loop.publisher.current.moment.at

        assert not loop.publisher.current.moment.sources[0].up
        assert first - loop.started_at < 4


def test_the_state_of_sources_is_published_without_commits(tmp_path: Path) -> None:
    """A source that never answers shows in the next snapshots, though nothing is ever committed for it."""

    def refused(_alert_id: str) -> Log:
        raise Unreachable("connection refused")

    watch(tmp_path, "1")
    with running(Loop(tmp_path, refused)) as loop:
        wait_until(lambda: not loop.publisher.current.moment.sources[0].up, within=20)

        state = loop.publisher.current.moment.sources[0]
        assert (state.up, state.trouble) == (False, "connection refused")
