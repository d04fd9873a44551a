"""Members that watch by search: each makes the whole search, and goes by what is found of its own shards."""

from dataclasses import replace

import pytest

from exporter.blueking import NotAllowed, Page, SearchQuery, Upstream
from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome
from exporter.poller.roster import SEARCH
from exporter.watch import search_watches
from tests.poller.desk import BORN, FIELDS
from tests.poller.members import IDS, Member, Members, balance, counted, of_shards, shard_of
from tests.poller.searching import SEARCH as WATCH
from tests.poller.searching import Server, pass_time, seen
from tests.watching import make_source


@pytest.fixture
def server() -> Server:
    """Give a server with an open alert of each id."""
    server = Server()
    server.alerts[2] = [seen(alert_id) for alert_id in IDS]
    return server


def page_of(*alert_ids: str, total: int | None = None) -> Page:
    """Return a page with these alerts."""
    return Page(tuple(seen(alert_id) for alert_id in alert_ids), len(alert_ids) if total is None else total)


def query(member: Member) -> SearchQuery:
    """Return the page that a member asks for now, beside whatever else."""
    (asked,) = [question.query for question in member.questions() if question.query is not None]
    return asked


def last_good(member: Member, shard: int | None = None) -> float | None:
    """Return the last good cycle of a member's search."""
    (watch,) = search_watches("prod", make_source(member.folder, WATCH).watch, FIELDS)
    return member.ledger.last_good_cycle_at("prod", watch.name, shard)


def watched(member: Member) -> set[str]:
    """Return the ids of the alerts that a member watches."""
    return {alert_id for _, alert_id in member.poller.watched}


def test_each_member_watches_what_is_found_of_its_own_shards(members: Members, server: Server) -> None:
    """Rows of others are none of its business; together they count everything once."""
    one, two = members.pair(WATCH)

    pass_time(one, server)
    pass_time(two, server)

    assert watched(one) == set(of_shards(0, 1))
    assert watched(two) == set(of_shards(2, 3))
    assert counted(one, two) == {"CREATE": len(IDS)}
    assert sorted(server.asked) == sorted(IDS)
    for alert_id in of_shards(2):
        known = two.ledger.get("prod", alert_id)
        assert known is not None
        assert dict(known.labels) == {"source": "prod", "severity": "fatal", "team": "infra", "shard": "2"}


def test_others_alerts_neither_vanish_nor_shorten_the_paging(members: Members) -> None:
    """A page without a single alert of ours is followed by the next one."""
    one, _ = members.pair(WATCH)
    query(one)
    one.answer(SEARCH, page_of(*of_shards(2, 3), total=501))
    assert query(one).page == 2
    one.answer(SEARCH, page_of(*of_shards(0), total=501))

    assert watched(one) == set(of_shards(0))
    one.now += 30
    query(one)
    one.answer(SEARCH, page_of(*of_shards(0, 3)))
    assert one.poller.state(one.now).last_good_cycle_at == one.now


def test_searched_alerts_follow_their_shard(members: Members, server: Server) -> None:
    """Those that the search returns no more as well: they are read to their end by whoever has them."""
    one, two = members.pair(WATCH)
    pass_time(one, server)
    pass_time(two, server)
    members.leave(two)
    server.alerts[2] = []
    balance(one)

    assert watched(one) == set(IDS)
    one.now += 3600
    asked = pass_time(one, server, 1)
    assert set(of_shards(2, 3)) <= set(asked)
    assert counted(one) == {"CREATE": len(IDS)}


def test_a_gain_begins_a_cycle_at_once_from_the_earliest_last_good_cycle(members: Members, server: Server) -> None:
    """What nobody looked for since then is found, even though the own shards were searched just now."""
    one, two = members.pair(WATCH)
    pass_time(one, server)
    pass_time(two, server)
    members.leave(two)
    pass_time(one, server, 600)
    searched_at = last_good(one, 0)
    assert searched_at is not None
    assert searched_at > BORN + 500

    balance(one)
    asked = query(one)

    assert (asked.start, asked.end) == (BORN - 120, one.now)


def test_a_page_of_a_round_from_before_a_gain_tells_nothing(members: Members) -> None:
    """The pages before it left out the alerts of the shards that are new: the round begins anew."""
    one, two = members.pair(WATCH)
    first = query(one)
    members.leave(two)
    balance(one)
    assert list(one.questions()) == []

    one.answer(SEARCH, page_of(*IDS))

    assert watched(one) == set()
    assert last_good(one, 0) is None
    one.now += 1
    again = query(one)
    assert (again.page, again.end) == (1, first.end + 1)
    one.answer(SEARCH, page_of(*IDS))
    assert watched(one) == set(IDS)
    assert last_good(one) == one.now


def test_a_refusal_of_a_page_from_before_a_gain_is_no_fault_of_the_new_round(members: Members) -> None:
    """Its watch is not left alone for it."""
    one, two = members.pair(WATCH)
    query(one)
    members.leave(two)
    balance(one)

    one.answer(SEARCH, Upstream("it is busy"))

    assert query(one).page == 1
    assert one.state().trouble == ""


def test_a_loss_leaves_the_round_as_it_is(members: Members) -> None:
    """What is left was searched for from its beginning; the good cycle is that of the shards which are left."""
    one = members.come(WATCH)
    query(one)
    one.answer(SEARCH, page_of(*of_shards(0, 1, 2, 3), total=501))
    two = members.come(WATCH)
    assert query(one).page == 2
    balance(one, two)

    one.answer(SEARCH, page_of("b1", "b2", "b3", "b4", "b5", "b6", total=501))

    assert watched(one) == {i for i in (*IDS, "b1", "b2", "b3", "b4", "b5", "b6") if shard_of(i) < 2}
    assert last_good(one) == one.now
    assert last_good(two) is None


def test_a_baseline_of_a_gained_shard_takes_a_search_that_covered_it(members: Members, server: Server) -> None:
    """The rounds before the gain left its alerts out, so that they prove nothing."""
    one, two = members.pair(WATCH)
    pass_time(one, server)
    assert one.ledger.lacking_baseline("prod") == frozenset()
    members.leave(two)
    balance(one)

    one.cycle()
    assert one.ledger.lacking_baseline("prod") == {2, 3}

    pass_time(one, server)
    assert one.ledger.lacking_baseline("prod") == frozenset()
    assert counted(one) == {"CREATE": len(IDS)}


@pytest.mark.parametrize("told", [page_of(*IDS), NotAllowed("no permission")])
def test_a_member_without_a_shard_searches_for_nothing(
    members: Members, server: Server, told: Page | NotAllowed
) -> None:
    """And is ready; what was under way when it lost them tells nothing."""
    one = members.come(WATCH)
    idle = members.come(WATCH)
    assert list(idle.questions()) == []
    assert idle.state().cycled

    query(one)
    for shard in range(4):
        members.steal(shard)
    one.ledger.find("prod", ["a look at the database"])
    one.poller.share(one.now)
    assert one.shards() == []
    one.answer(SEARCH, told)
    assert watched(one) == set()
    one.now += 3600
    assert list(one.questions()) == []
    balance(idle)
    pass_time(idle, server)
    assert idle.state().cycled


def test_rows_that_tell_no_alert_are_counted_by_one_member(members: Members) -> None:
    """By who has the first shard, which the series tells."""
    one, two = members.pair(WATCH)
    for member in (one, two):
        query(member)
        member.answer(SEARCH, replace(page_of(*IDS), rejected={"id": 3}))

    counts = {
        dict(series.labels)["shard"]: total.values[0]
        for member in (one, two)
        for series, total in member.ledger.view().totals.items()
        if series.total is Total.RECORDS_REJECTED
    }
    assert counts == {"0": 3}


def test_a_page_that_finds_a_shard_lost_is_asked_for_again(members: Members) -> None:
    """Nothing that it told is kept, and no alert of the lost shard is put."""
    one = members.come(WATCH)
    query(one)
    members.steal(3)

    assert not one.answer_all({SEARCH: page_of(*IDS)})

    one.poller.share(one.now)
    assert watched(one) == set()
    assert [members.alerts_of(shard) for shard in range(4)] == [[], [], [], []]
    assert query(one).page == 1
    one.answer(SEARCH, page_of(*IDS))
    assert watched(one) == set(of_shards(0, 1, 2))


def test_an_alert_that_ended_while_nobody_had_its_shard_is_found(members: Members, server: Server) -> None:
    """The search goes back to the last good cycle of that shard."""
    one, two = members.pair(WATCH)
    pass_time(one, server)
    pass_time(two, server)
    members.leave(two)
    pass_time(one, server, 120)
    (short_lived,) = [i for i in (f"c{n}" for n in range(100)) if shard_of(i) == 3][:1]
    server.alerts[2] = [seen(short_lived, outcome=Outcome.RECOVERED, ended_at=BORN + 60)]
    balance(one)
    pass_time(one, server, 30)

    assert short_lived in server.asked
