"""A ledger that several exporters share: each has its part, nobody counts in another's, and nothing is told twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from sqlalchemy import URL

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.flow.shards import Shards
from exporter.ledger import Ledger, LedgerError, LedgerTaken, ShardsLost, open_ledger
from exporter.ledger import lease as leases
from exporter.ledger.integrity import check_ledger
from tests.e2e.harness import wait_until
from tests.postgresql import Server

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
NUMBER = 8
SHARDS = Shards(NUMBER)
IDS = [str(number) for number in range(200)]

Open = Callable[..., Ledger]


@pytest.fixture
def database(postgresql: Server) -> URL:
    """Return the URL of an empty database."""
    return postgresql.new_database()


@pytest.fixture
def member(database: URL) -> Iterator[Open]:
    """Give what opens the ledger as one more member; all are closed at the end."""
    with ExitStack() as closing_all:

        def opened(shards: int = NUMBER, **more: object) -> Ledger:
            url = database.set(**more).render_as_string(hide_password=False)  # type: ignore[arg-type]
            return closing_all.enter_context(closing(open_ledger(url, BOUNDS, shards=shards)))

        yield opened


def count(ledger: Ledger) -> int:
    """Have each alert of ours counted once more, in one transaction; return how many are ours."""
    ours = [alert_id for alert_id in IDS if ledger.owns("prod", alert_id)]
    with ledger.transaction() as tx:
        for alert_id in ours:
            known = ledger.get("prod", alert_id) or first_sight(alert_id, ledger.shards)
            tx.put(replace(known, counted={"ACK": known.counted.get("ACK", 0) + 1}, read_at=1.0))
            tx.add([Count(Total.RECORDS, known.labels, 1)])
    return len(ours)


def first_sight(alert_id: str, shards: Shards) -> KnownAlert:
    """Return an alert nobody knew before."""
    labels = shards.labelled(make_labels({"source": "prod"}), shards.of("prod", alert_id))
    return KnownAlert("prod", alert_id, labels, first_seen_at=0.0)


def totals(*ledgers: Ledger) -> dict[str, float]:
    """Return the records that members tell of, by shard; each shard is told of by one of them at most."""
    told: dict[str, float] = {}
    for ledger in ledgers:
        view = ledger.view()
        for series, total in view.totals.items():
            if view.shards.of_labels(series.labels) in view.told:
                shard = dict(series.labels)["shard"]
                assert shard not in told
                told[shard] = total.values[0]
    return told


def counted(*ledgers: Ledger) -> float:
    """Return all records that members know of, told or not."""
    return sum(total.values[0] for ledger in ledgers for total in ledger.view().totals.values())


def balance(*ledgers: Ledger) -> None:
    """Have each member look twice who else is there, as their loops do, with snapshots that follow at once."""
    for _ in range(2):
        for ledger in ledgers:
            ledger.rebalance(ledger.view().told)


def test_alerts_of_one_shard_are_spread_evenly() -> None:
    """Ids that follow each other fall into different shards."""
    sizes = [sum(SHARDS.of("prod", str(10**15 + n)) == shard for n in range(8000)) for shard in range(NUMBER)]

    assert min(sizes) > 800
    assert max(sizes) < 1200


def test_members_take_a_fair_part_and_hand_over_when_they_stop(member: Open) -> None:
    """The counts go on where they were, whoever has them."""
    first = member()
    assert (first.owned, first.members) == (frozenset(range(NUMBER)), 1)
    assert count(first) == len(IDS)
    second, third = member(), member()
    assert second.owned == frozenset()
    balance(first, second, third)

    assert sorted(len(ledger.owned) for ledger in (first, second, third)) == [2, 3, 3]
    assert first.members == second.members == third.members == 3
    assert sum(count(ledger) for ledger in (first, second, third)) == len(IDS)
    assert sum(totals(first, second, third).values()) == 2 * len(IDS)

    third.close()
    balance(first, second)
    assert len(first.owned) == len(second.owned) == NUMBER / 2
    assert count(first) + count(second) == len(IDS)
    assert sum(totals(first, second).values()) == 3 * len(IDS)


def test_a_shard_is_freed_once_no_snapshot_tells_of_it(member: Open) -> None:
    """Who gave it up counts nothing in it from then on; who takes it tells of it at once."""
    first = member()
    count(first)
    second = member()
    first.rebalance(frozenset(range(NUMBER)))
    second.rebalance(frozenset())
    assert (len(first.owned), len(first.view().told), second.owned) == (NUMBER / 2, NUMBER / 2, frozenset())

    first.rebalance(first.view().told)
    second.rebalance(frozenset())
    assert second.owned == second.view().told == frozenset(range(NUMBER)) - first.owned


def test_who_dies_is_followed_at_once_and_told_of_when_the_lease_has_ended(
    member: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other counts in the shards meanwhile, and tells nothing of them: a scrape may still get the old values."""
    first, second = member(), member()
    balance(first, second)
    count(first), count(second)
    lost = second.owned
    second._database._database._engine.dispose()  # type: ignore[attr-defined]  # noqa: SLF001 - as the death of a process
    first.rebalance(first.view().told)

    assert first.owned == frozenset(range(NUMBER))
    assert first.view().told == first.owned - lost
    assert count(first) == len(IDS)
    now = leases.seconds()
    monkeypatch.setattr(first._membership, "_monotonic", lambda: now + leases.LENGTH + 2)  # noqa: SLF001
    first.rebalance(first.view().told)
    assert first.view().told == first.owned
    assert sum(totals(first).values()) == 2 * len(IDS)


def test_who_falls_silent_in_the_middle_of_a_commit_is_followed(member: Open) -> None:
    """The server waits for the rest of what it was told, for ever; the others end that."""
    first, second = (member(query={"options": "-c idle_session_timeout=1s"}) for _ in range(2))
    balance(first, second)

    def is_followed() -> bool:
        first.rebalance(first.view().told)
        return first.owned == frozenset(range(NUMBER))

    with second._database._database._engine.connect() as connection:  # type: ignore[attr-defined]  # noqa: SLF001
        stopped = connection.connection.driver_connection.pgconn
        stopped.enter_pipeline_mode()
        stopped.send_query_params(b"SELECT 1", None)
        stopped.flush()
        wait_until(is_followed, within=60)
        assert is_followed()


def test_two_that_believe_to_have_a_shard_count_once(postgresql: Server, database: URL, member: Open) -> None:
    """The one that lost it writes nothing, tells nothing any more, and goes on with what is left."""
    first = member()
    count(first)
    before = first.view()
    postgresql.terminate_sessions(str(database.database))
    second = member()
    assert second.owned == frozenset(range(NUMBER))
    count(second)
    with pytest.raises(LedgerError):
        count(first)  # its connection is gone
    with pytest.raises(ShardsLost):
        count(first)
    assert (first.owned, first.view().totals, before.lease.is_valid) == (frozenset(), {}, False)

    balance(first, second)
    assert len(first.owned) == len(second.owned) == NUMBER / 2
    assert count(first) + count(second) == len(IDS)
    assert counted(first, second) == 3 * len(IDS)
    # Not even where the second gave it back: before its lease has ended, a scrape may get what the first one told.
    assert totals(first, second) == {}


def test_who_lost_the_connection_and_nothing_else_goes_on(postgresql: Server, database: URL, member: Open) -> None:
    """The locks are taken again; what is told stays so."""
    first = member()
    count(first)
    postgresql.terminate_sessions(str(database.database))
    with pytest.raises(LedgerError):
        count(first)
    assert count(first) == len(IDS)
    assert (first.owned, first.view().told) == (frozenset(range(NUMBER)), frozenset(range(NUMBER)))
    assert sum(totals(first).values()) == 2 * len(IDS)


def test_all_who_lost_the_connection_keep_what_they_had(postgresql: Server, database: URL, member: Open) -> None:
    """The first one back takes nothing of the others, who tell of it all the time."""
    first, second = member(), member()
    balance(first, second)
    count(first), count(second)
    owned = first.owned, second.owned
    postgresql.terminate_sessions(str(database.database))
    for ledger in (first, second):
        with pytest.raises(LedgerError):
            ledger.rebalance(ledger.view().told)
        balance(ledger)

    assert (first.owned, second.owned) == (first.view().told, second.view().told) == owned
    assert count(first) + count(second) == len(IDS)


def test_without_a_look_at_the_ledger_nothing_is_told_for_long(member: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view under a lease that ended tells of no shard; the next look gives it back."""
    first = member()
    count(first)
    now = leases.seconds()
    lease = first.view().lease
    monkeypatch.setattr(lease, "_monotonic", lambda: now + leases.LENGTH + 1)
    assert (lease.is_valid, first.view().told) == (False, frozenset())
    monkeypatch.undo()
    first.rebalance(frozenset())
    assert (lease.is_valid, first.view().told) == (True, first.owned)


@pytest.mark.parametrize("number", [1, 3, 16])
def test_another_number_of_shards_loses_nothing(number: int, database: URL, member: Open) -> None:
    """Alerts get their new shard; series keep their names and values, and somebody is in charge of each."""
    url = database.render_as_string(hide_password=False)
    with closing(member()) as first:
        with first.transaction() as tx:
            tx.complete_baseline("prod", 5.0, first.owned)
            tx.good_cycle("prod", "infra", 7.0, first.owned)
            tx.good_cycle("prod", "partly", 7.0, [1])
        count(first)
        before = {series: total.values for series, total in first.view().totals.items()}

    with closing(member(number)) as again:
        assert {series: total.values for series, total in again.view().totals.items()} == before
        assert again.lacking_baseline("prod") == frozenset()
        assert (again.last_good_cycle_at("prod", "infra"), again.last_good_cycle_at("prod", "partly")) == (7.0, None)
        known = again.get("prod", "7")
        assert known is not None
        assert known.labels == first_sight("7", Shards(number)).labels
        assert count(again) == len(IDS)
    report = check_ledger(url, BOUNDS)
    assert report is not None
    assert report.findings == []


def test_another_number_of_shards_is_refused_while_members_run(member: Open) -> None:
    """It would pull the alerts from under them."""
    first = member()
    with pytest.raises(LedgerError, match=r"divided it into 8 shards; stop them all .* or give this one shards: 8"):
        member(4)
    with pytest.raises(LedgerError, match="in use by another exporter"):
        member(1)
    assert count(first) == len(IDS)


def test_an_exporter_without_shards_is_alone(member: Open) -> None:
    """Nobody shares its ledger."""
    member(1)
    with pytest.raises(LedgerError, match=r"in use by another exporter .* which does not share it"):
        member()


def test_a_newer_version_ends_the_members_of_the_older(postgresql: Server, database: URL, member: Open) -> None:
    """An upgrade waits for their commits, and none comes after it."""
    first = member()
    count(first)
    postgresql.run(str(database.database), "UPDATE ledger SET schema_version = 99")

    for act in (lambda: count(first), lambda: first.rebalance(frozenset())):
        with pytest.raises(LedgerTaken, match="of schema version 99 now"):
            act()
