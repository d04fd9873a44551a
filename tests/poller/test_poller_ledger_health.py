"""A ledger that refuses: the loop leaves it and the sources alone, ever longer, and goes on as soon as it can."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool
from structlog.testing import capture_logs

from exporter.flow.records import Log
from exporter.ledger import LedgerError
from exporter.metrics import SourceState
from exporter.poller.ledger_health import LedgerHealth
from tests.e2e.harness import wait_until
from tests.poller.loops import Loop, created, running
from tests.watching import write_watch_file as watch

REFUSED = LedgerError("flow.db: disk I/O error; check the disk's space")


@pytest.mark.parametrize(("is_shared", "expected"), [(False, [1, 2, 4, 8, 16, 30, 30]), (True, [1, 2, 4, 5, 5, 5, 5])])
def test_pauses_double_up_to_half_a_minute(is_shared: bool, expected: list[int]) -> None:
    """From a second on; a commit ends them, and the next trouble begins anew. Members come back together."""
    health = LedgerHealth(is_shared=is_shared)
    now, pauses = 100.0, []
    for _ in range(7):
        health.refused(REFUSED, now)
        pauses.append(next(pause for pause in range(60) if not health.is_paused(now + pause)))
        now += 60
    assert pauses == expected

    health.committed()
    assert not health.is_paused(now - 60)
    health.refused(REFUSED, now)
    assert health.is_paused(now + 0.9)
    assert not health.is_paused(now + 1)


def test_the_log_tells_each_change_once() -> None:
    """However often it refuses."""
    health = LedgerHealth()
    with capture_logs() as logs:
        health.committed()
        for now in (1.0, 2.0, 3.0):
            health.refused(REFUSED, now)
        health.committed()
        health.committed()

    assert [entry["event"].split(":")[0] for entry in logs] == ["ledger is in trouble", "ledger is back"]
    assert (logs[0]["error"], logs[1]["after"]) == (str(REFUSED), str(REFUSED))
    assert health.trouble == ""


@pytest.mark.parametrize(
    ("is_unreached", "is_idle", "trouble"), [(True, False, ""), (False, True, ""), (False, False, str(REFUSED))]
)
def test_to_be_told_of_members_ends_only_the_trouble_to_reach_it(
    is_unreached: bool, is_idle: bool, trouble: str
) -> None:
    """A full disk still tells who is there; but who has no shard has nothing else to find out by."""
    health = LedgerHealth(is_shared=True)
    health.refused(REFUSED, 100.0, is_unreached=is_unreached)

    health.reached(is_idle=is_idle)

    assert health.trouble == trouble
    assert health.is_paused(100.5) == bool(trouble)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("", "the ledger is in trouble, {}"),
        ("search: no permission", "search: no permission; the ledger is in trouble, {}"),
    ],
)
def test_a_source_tells_of_the_trouble_and_no_newer_success(trouble: str, told: str) -> None:
    """What was answered since then may be lost; that the source itself is up, or is not, stays as it is."""
    state = SourceState("prod", not trouble, True, trouble, 200.0, 0.0, {}, None)
    unread = replace(state, last_success_at=None)
    health = LedgerHealth()
    assert health.told_with(state) is state

    for now in (100.0, 150.0):
        health.refused(REFUSED, now)

    why = told.format(f"nothing is asked or counted until it is back: {REFUSED}")
    assert health.told_with(state) == replace(state, trouble=why, last_success_at=100.0)
    assert health.told_with(unread) == replace(unread, trouble=why)
    health.committed()
    assert health.told_with(state) is state


def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    """The pause moves with it."""
    health = LedgerHealth()
    health.refused(REFUSED, 7200.0)
    health.clock_set_back(7200.0)

    assert health.is_paused(0.9)
    assert not health.is_paused(1.0)


class ReadOnly:
    """Has the SQLite connections of this process only read, as long as it `is_on`."""

    def __init__(self) -> None:
        self.is_on = False

    def checkout(self, connection: sqlite3.Connection, *_: object) -> None:
        """Set a connection up for its next transaction."""
        connection.execute(f"PRAGMA query_only = {self.is_on}")


@pytest.fixture
def read_only() -> Iterator[ReadOnly]:
    """Give a switch, which is off."""
    switch = ReadOnly()
    event.listen(Pool, "checkout", switch.checkout)
    yield switch
    event.remove(Pool, "checkout", switch.checkout)


def test_a_ledger_that_only_reads_is_probed_with_single_questions(read_only: ReadOnly, tmp_path: Path) -> None:
    """It says why, on the page too; afterwards every record is there."""
    asked: list[str] = []

    def count(alert_id: str) -> Log:
        asked.append(alert_id)
        return created(alert_id)

    watch(tmp_path, *map(str, range(20)))
    with running(Loop(tmp_path, count)) as loop:
        wait_until(lambda: loop.records() == 20, within=20)
        read_only.is_on = True
        wait_until(lambda: "readonly" in loop.poller.moment().sources[0].trouble, within=20)
        before = len(asked)
        watch(tmp_path, *map(str, range(30)))
        threading.Event().wait(4)
        (source,) = loop.publisher.current.moment.sources

        assert len(asked) - before <= 6  # those under way, and one after each pause of 1 and 2 seconds
        assert loop.records() == 20
        assert "readonly database; check the disk's space" in source.trouble
        assert source.up
        read_only.is_on = False
        wait_until(lambda: loop.records() == 30, within=30)

        assert loop.records() == 30
        assert loop.poller.moment().sources[0].trouble == ""


def test_a_stop_in_the_middle_of_trouble_waits_for_nothing(read_only: ReadOnly, tmp_path: Path) -> None:
    """What was answered is asked for again after the next start."""
    watch(tmp_path, "1", "2", "3")
    with running(Loop(tmp_path, created)) as loop:
        wait_until(lambda: loop.records() == 3, within=20)
        read_only.is_on = True
        wait_until(lambda: loop.poller.moment().sources[0].trouble != "", within=20)
        loop.stop()
        assert loop.raised is None
