"""Two loops on one PostgreSQL: they come and go, their sessions end, and everything is counted once."""

import re
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import URL

from exporter.flow.records import FlowRecord, Log
from exporter.metrics import Form, Format
from exporter.poller.ledger_use import LedgerUse
from tests.e2e.harness import wait_until
from tests.poller.loops import Loop, running
from tests.poller.members import IDS, Members, of_shards
from tests.postgresql import Server
from tests.watching import write_watch_file


class Source:
    """Tells logs that grow, whoever asks."""

    def __init__(self) -> None:
        self.rows = 1
        self.asked: Counter[str] = Counter()

    def ask(self, alert_id: str) -> Log:
        """Return the log of an alert as it is now."""
        self.asked[alert_id] += 1
        return Log(tuple(FlowRecord("CONVERGE", "SUCCESS", time.time()) for _ in range(self.rows)))


@pytest.fixture
def database(postgresql: Server) -> URL:
    """Return the URL of an empty database."""
    return postgresql.new_database()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return a source of which every member watches the same alerts."""
    write_watch_file(tmp_path, *IDS)
    return Source()


def member(folder: Path, source: Source, database: URL) -> Loop:
    """Return a loop that shares the ledger in a database."""
    return Loop(folder, source.ask, url=database.render_as_string(hide_password=False), shards=4)


def shards(*loops: Loop) -> list[list[int]]:
    """Return the shards that each of them owns."""
    return [sorted(loop.ledger.owned) for loop in loops]


def membership(loop: Loop) -> tuple[float, ...]:
    """Return how many shards and members a scrape tells of."""
    told = loop.publisher.current.body(Form(Format.TEXT)).decode()
    names = ("shards_owned", "members")
    return tuple(float(re.findall(rf"^bkmonitor_flow_exporter_{name} (.*)$", told, re.MULTILINE)[0]) for name in names)


def total(*loops: Loop) -> float:
    """Return the records of all shards that they own."""
    return sum(loop.records() for loop in loops)


def test_who_comes_gets_a_part_and_who_goes_leaves_it(tmp_path: Path, source: Source, database: URL) -> None:
    """Each alert is asked about by one of them, each record counts once, and a scrape tells who there is."""
    with running(member(tmp_path, source, database)) as one:
        wait_until(lambda: total(one) == len(IDS), within=30)
        assert membership(one) == (4, 1)
        with running(member(tmp_path, source, database)) as two:
            wait_until(lambda: shards(one, two) == [[0, 1], [2, 3]], within=30)
            source.rows = 2
            wait_until(lambda: total(one, two) == 2 * len(IDS), within=30)
            wait_until(lambda: membership(one) == membership(two) == (2, 2), within=30)
            assert {i for _, i in one.poller.moment().watched} == set(of_shards(0, 1))
            assert {i for _, i in two.poller.moment().watched} == set(of_shards(2, 3))
        source.rows = 3
        wait_until(lambda: total(one) == 3 * len(IDS), within=30)
        wait_until(lambda: membership(one) == (4, 1), within=30)
        assert one.publisher.current.moment.view.told == {0, 1, 2, 3}


def test_members_whose_sessions_end_count_on(tmp_path: Path, source: Source, database: URL, postgresql: Server) -> None:
    """Whoever has a shard afterwards; the trouble is over without anybody's doing, and nothing counts twice."""
    with ExitStack() as closing:
        loops = [closing.enter_context(running(member(tmp_path, source, database))) for _ in range(2)]
        wait_until(lambda: sorted(map(len, shards(*loops))) == [2, 2], within=30)
        for rows in range(2, 6):
            postgresql.terminate_sessions(str(database.database))
            source.rows = rows
            wait_until(lambda rows=rows: total(*loops) == rows * len(IDS), within=60)  # type: ignore[misc]

        wait_until(lambda: sorted(map(len, shards(*loops))) == [2, 2], within=60)
        wait_until(lambda: not any(loop.poller.moment().sources[0].trouble for loop in loops), within=60)
        assert [loop.raised for loop in loops] == [None, None]
        assert total(*loops) == 5 * len(IDS)


def test_the_trouble_to_reach_the_ledger_is_over_when_it_is_reached(members: Members, postgresql: Server) -> None:
    """Without a commit: a member that has no shard has nothing to commit."""
    one, idle = members.come(), members.come()
    use = LedgerUse(idle.ledger, lambda: idle.now)
    postgresql.stop()
    use.rebalance(frozenset())
    assert use.health.trouble
    postgresql.start()
    use.rebalance(frozenset())
    assert use.health.trouble, "it is left alone for a moment"
    idle.now += 1
    use.rebalance(frozenset())

    assert use.health.trouble == ""
    assert (one.shards(), idle.ledger.members) == ([0, 1, 2, 3], 1)


def test_a_pause_longer_than_the_lease_tells_nothing_of_the_flow(
    tmp_path: Path, source: Source, database: URL, postgresql: Server
) -> None:
    """Another member may have the shards by then."""
    with running(member(tmp_path, source, database)) as one:
        wait_until(lambda: total(one) == len(IDS), within=30)
        wait_until(lambda: len(one.scraped()) == 4, within=30)
        postgresql.stop()
        wait_until(lambda: one.publisher.current.moment.view.told == frozenset(), within=60)
        assert one.scraped() == []
        postgresql.start()
        wait_until(lambda: len(one.scraped()) == 4, within=60)
        assert one.scraped() == [f"{float(len(of_shards(shard)))}" for shard in range(4)]
