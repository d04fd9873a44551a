"""Connections to PostgreSQL that break, at any time: what is counted is counted once, by one exporter."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from sqlalchemy import URL

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.ledger import CommitFailed, Ledger, LedgerError, LedgerTaken, Series, open_ledger
from tests.ledger.cutting import Cut, Proxy, proxy_before
from tests.postgresql import Server

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
OTHER_BOUNDS = {**BOUNDS, Total.TIME_TO_ACK: (5.0, 60.0)}
G = make_labels({"source": "prod"})
RECORDS = Series(Total.RECORDS, G)
ALERT = KnownAlert("prod", "170000000000042", G, first_seen_at=1.0)
ROUNDS = 150


@pytest.fixture
def database(postgresql: Server) -> URL:
    """Return the URL of an empty database."""
    return postgresql.new_database()


@pytest.fixture
def proxy(postgresql: Server) -> Iterator[Proxy]:
    """Give a proxy through which connections can be broken."""
    with proxy_before(postgresql.port) as made:
        yield made


def opened(url: URL) -> Ledger:
    """Open the ledger in a database."""
    return open_ledger(url.render_as_string(hide_password=False), BOUNDS)


def count_to(ledger: Ledger, number: int) -> None:
    """Do as the poller does with a log of so many records: count those that are not counted yet."""
    with ledger.transaction() as tx:
        known = ledger.get(*ALERT.key) or ALERT
        tx.put(replace(known, counted={"ACK": number}))
        tx.add([Count(Total.RECORDS, G, number - known.counted.get("ACK", 0))])


def counted(ledger: Ledger) -> tuple[int, float]:
    """Return how many records are known of the alert, and how many its series counts."""
    known = ledger.get(*ALERT.key)
    return (known.counted["ACK"] if known else 0), ledger.view().totals[RECORDS].values[0]


def counted_there(url: URL) -> tuple[int, float]:
    """Return the same of what is in the database."""
    with closing(opened(url)) as ledger:
        return counted(ledger)


def test_a_session_that_was_ended_costs_one_commit(postgresql: Server, database: URL) -> None:
    """The commit fails and says why; the next one takes the lock anew, and counts what was missed."""
    with closing(opened(database)) as ledger:
        count_to(ledger, 1)
        postgresql.terminate_sessions(str(database.database))
        with pytest.raises(CommitFailed, match=r"terminating connection .* once the server answers again"):
            count_to(ledger, 2)
        assert counted(ledger) == (1, 1.0)
        count_to(ledger, 2)
        assert counted(ledger) == (2, 2.0)
        with pytest.raises(LedgerError, match="in use by another exporter"):
            opened(database)

    assert counted_there(database) == (2, 2.0)


def test_a_server_that_restarts_is_waited_for(postgresql: Server, database: URL) -> None:
    """Every commit fails while it is away; what can be read from memory is; then it goes on by itself."""
    with closing(opened(database)) as ledger:
        count_to(ledger, 1)
        postgresql.stop()
        try:
            for _ in range(3):
                with pytest.raises(CommitFailed, match=r"127\.0\.0\.1"):
                    count_to(ledger, 2)
            assert counted(ledger) == (1, 1.0)
        finally:
            postgresql.start()
        count_to(ledger, 2)
        assert counted(ledger) == (2, 2.0)

    assert counted_there(database) == (2, 2.0)


def test_a_database_that_only_reads_for_a_while_is_waited_for(postgresql: Server, database: URL) -> None:
    """As after a fail-over to a stand-by: nothing is counted until it takes commits again, and nothing is lost."""
    name = str(database.database)
    with closing(opened(database)) as ledger:
        count_to(ledger, 1)
        postgresql.run(name, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        postgresql.terminate_sessions(name)
        for _ in range(2):
            with pytest.raises(CommitFailed):
                count_to(ledger, 2)
        with pytest.raises(CommitFailed, match="it only reads: name the primary"):
            count_to(ledger, 2)
        assert counted(ledger) == (1, 1.0)
        postgresql.run("postgres", f"ALTER DATABASE {name} RESET default_transaction_read_only")
        postgresql.terminate_sessions(name)
        with pytest.raises(CommitFailed):
            count_to(ledger, 2)  # finds that its session was ended
        count_to(ledger, 2)

    assert counted_there(database) == (2, 2.0)


def test_a_commit_whose_answer_was_lost_is_no_failure(database: URL, proxy: Proxy) -> None:
    """The server committed and the connection broke: that is found out at once, and the caller notices nothing."""
    with closing(opened(database.set(port=proxy.port))) as ledger:
        count_to(ledger, 1)
        proxy.next_commit = Cut.AFTER
        count_to(ledger, 3)
        assert counted(ledger) == (3, 3.0)
        count_to(ledger, 4)

    assert counted_there(database) == (4, 4.0)


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.UNHEARD])
def test_a_commit_that_never_arrived_did_not_happen(cut: Cut, database: URL, proxy: Proxy) -> None:
    """Also where the server keeps the session, and with it the lock: it is our own, and is ended."""
    with closing(opened(database.set(port=proxy.port))) as ledger:
        count_to(ledger, 1)
        proxy.next_commit = cut
        with pytest.raises(CommitFailed):
            count_to(ledger, 3)
        assert counted(ledger) == (1, 1.0)
        count_to(ledger, 4)
        assert counted(ledger) == (4, 4.0)

    assert counted_there(database) == (4, 4.0)


@pytest.mark.parametrize("timeout", ["2500ms", "0"])
def test_a_silence_that_nobody_tells_of_ends(
    timeout: str, database: URL, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that passes nothing on keeps an exporter no longer than the server may take; without end, if so asked."""
    monkeypatch.setattr("exporter.ledger.postgresql_waits.GRACE", 0.25)
    url = database.set(port=proxy.port).update_query_dict({"options": f"-c statement_timeout={timeout}"})
    with closing(opened(url)) as ledger:
        count_to(ledger, 1)
        proxy.next_commit = Cut.SWALLOWED
        with ThreadPoolExecutor() as one:
            counting = one.submit(count_to, ledger, 3)
            is_kept = not wait({counting}, 6.0).done
            assert is_kept == (timeout == "0")
            if is_kept:
                proxy.cut_off()
            with pytest.raises(CommitFailed):
                counting.result()
        proxy.is_away = False
        count_to(ledger, 4)
        assert counted(ledger) == (4, 4.0)

    assert counted_there(database) == (4, 4.0)


@pytest.mark.parametrize("is_asked", [False, True])
@pytest.mark.parametrize(("cut", "known"), [(Cut.BEFORE, 1), (Cut.AFTER, 3)])
def test_what_became_of_a_commit_is_found_out_before_anything_else(
    cut: Cut, known: int, is_asked: bool, database: URL, proxy: Proxy
) -> None:
    """The server stays away after it: until it tells, nothing is counted on top, and then by what it tells."""
    with closing(opened(database.set(port=proxy.port))) as ledger:
        count_to(ledger, 1)
        proxy.next_commit = cut
        proxy.goes_away = True
        for number in (3, 4):
            with pytest.raises(CommitFailed):
                count_to(ledger, number)
        assert counted(ledger) == (1, 1.0)
        proxy.is_away = False
        if is_asked:
            assert ledger.find("prod", ["1"]) == {}
            assert counted(ledger) == (known, float(known))
        count_to(ledger, 4)
        assert counted(ledger) == (4, 4.0)

    assert counted_there(database) == (4, 4.0)


def test_other_buckets_are_taken_over_though_the_answer_was_lost(database: URL, proxy: Proxy) -> None:
    """A histogram starts anew once, here and in the database."""
    with closing(opened(database.set(port=proxy.port))) as ledger:
        proxy.next_commit = Cut.AFTER
        ledger.adopt_bounds(OTHER_BOUNDS)
        assert ledger.view().bounds == OTHER_BOUNDS
        count_to(ledger, 1)

    assert counted_there(database) == (1, 1.0)


def test_whoever_took_the_lock_meanwhile_has_the_ledger(postgresql: Server, database: URL) -> None:
    """The exporter whose connection broke is told who that is, counts nothing more, and is out for good."""
    with closing(opened(database)) as first:
        count_to(first, 1)
        postgresql.terminate_sessions(str(database.database))
        with closing(opened(database)) as second:
            with suppress(CommitFailed):
                count_to(first, 5)
            with pytest.raises(
                LedgerTaken, match=r"in use by another exporter \(bkmonitor-flow-exporter \d+@.*lost its"
            ):
                count_to(first, 5)
            count_to(second, 2)
        with pytest.raises(LedgerTaken, match="another one worked on it meanwhile"):
            count_to(first, 5)
        with pytest.raises(LedgerTaken, match="another one worked on it meanwhile"):
            first.find("prod", ["1"])
        assert counted(first) == (1, 1.0)

    assert counted_there(database) == (2, 2.0)


def test_sessions_that_are_ended_again_and_again_change_no_total(postgresql: Server, database: URL) -> None:
    """At random moments, also within commits: each record is counted once, in memory as in the database."""
    stop = threading.Event()
    chance = random.Random(42)

    def terminate() -> None:
        while not stop.wait(chance.uniform(0.0, 0.02)):
            postgresql.terminate_sessions(str(database.database))

    terminator = threading.Thread(target=terminate)
    failures = 0
    with closing(opened(database)) as ledger:
        terminator.start()
        try:
            for number in range(1, ROUNDS + 1):
                try:
                    count_to(ledger, number)
                except CommitFailed:
                    failures += 1
        finally:
            stop.set()
            terminator.join()
        with suppress(CommitFailed):
            count_to(ledger, ROUNDS)  # finds that its session was ended, if it was after the last round
        count_to(ledger, ROUNDS + 1)
        assert counted(ledger) == (ROUNDS + 1, float(ROUNDS + 1))

    assert failures
    assert counted_there(database) == (ROUNDS + 1, float(ROUNDS + 1))
