"""Members that watch by ids: who asks about which alert, and what becomes of those that change hands."""

import pytest

from exporter.blueking import BadRequest
from exporter.flow.known import EVERYTHING
from exporter.metrics import WatchedState
from tests.poller.desk import BORN, POLL, log
from tests.poller.members import IDS, Member, Members, balance, counted, of_shards, shard_of
from tests.watching import write_watch_file

OPEN = log(("CREATE", BORN - 60))
ACKED = log(("CREATE", BORN - 60), ("ACK", BORN - 10))


def left_by_another(members: Members) -> Member:
    """Return a member of the shards 0 and 1 when all was read, and the one that had the others has stopped."""
    one, two = members.pair()
    for member in (one, two):
        member.watch(*IDS)
        member.serve(dict.fromkeys(IDS, OPEN))
    members.leave(two)
    return one


def test_each_member_asks_about_the_alerts_of_its_own_shards(members: Members) -> None:
    """Nobody is asked about twice, nobody is left out, and every series tells its shard."""
    one, two = members.pair()
    assert (one.shards(), two.shards()) == ([0, 1], [2, 3])
    for member in (one, two):
        member.watch(*IDS)

    assert sorted(one.asked()) == sorted(of_shards(0, 1))
    assert sorted(two.asked()) == sorted(of_shards(2, 3))
    for alert_id in IDS:
        asker = one if shard_of(alert_id) < 2 else two
        asker.answer(alert_id, OPEN)
        known = asker.ledger.get("prod", alert_id)
        assert known is not None
        assert dict(known.labels)["shard"] == str(shard_of(alert_id))
    assert counted(one, two) == {"CREATE": len(IDS)}
    told = {dict(series.labels)["shard"] for member in (one, two) for series in member.ledger.view().totals}
    assert told == {"0", "1", "2", "3"}


def test_a_member_without_a_shard_asks_nothing_and_is_ready(members: Members) -> None:
    """It stays ready when it gets some, and asks about their alerts then."""
    write_watch_file(members.folder, *IDS)
    one = members.come()
    idle = members.come()
    assert idle.shards() == []
    assert idle.state().cycled
    assert idle.asked() == []
    assert idle.state().watched == {}
    idle.cycle()
    assert not idle.ledger.has_baseline("prod", 2)

    balance(one, idle)
    assert idle.shards() == [2, 3]
    assert idle.state().cycled
    assert sorted(idle.asked()) == sorted(of_shards(2, 3))


def test_alerts_follow_their_shard_and_count_on(members: Members) -> None:
    """A member that takes over goes on where the other one was: each record is counted once."""
    one = left_by_another(members)

    one.now += 60
    balance(one)
    assert one.shards() == [0, 1, 2, 3]
    assert one.poller.watched == {("prod", alert_id) for alert_id in IDS}
    asked = one.asked()
    assert sorted(asked) == sorted(IDS)
    for alert_id in asked:
        one.answer(alert_id, ACKED)
    assert counted(one) == {"CREATE": len(IDS), "ACK": len(IDS)}


def test_alerts_that_another_member_left_are_as_late_as_they_are(members: Members) -> None:
    """Or a rule would take what the other one knew of them for what is known now."""
    one = left_by_another(members)
    one.now += 90
    one.serve(dict.fromkeys(of_shards(0, 1), OPEN))
    assert one.state().overdue == 0
    balance(one)

    assert 90 - POLL.interval <= one.state().overdue < 90
    one.serve(dict.fromkeys(of_shards(2, 3), OPEN))
    assert one.state().overdue == 0


def test_alerts_of_a_shard_that_is_given_up_leave(members: Members) -> None:
    """With all that was known of their polling; an answer that comes later tells nothing."""
    one = members.come()
    one.watch(*IDS)
    asked = one.asked()
    two = members.come()
    balance(one, two)

    assert one.poller.watched == {("prod", alert_id) for alert_id in of_shards(0, 1)}
    for alert_id in asked:
        one.answer(alert_id, OPEN)
    assert counted(one) == {"CREATE": len(of_shards(0, 1))}
    assert one.state().overdue == 0
    assert sum(one.state().watched.values()) == len(of_shards(0, 1))
    one.now += 3600
    assert set(one.asked()) == set(of_shards(0, 1))
    assert sorted(two.asked()) == sorted(of_shards(2, 3))


def test_an_answer_from_before_a_shard_was_lost_tells_nothing_even_if_it_is_back(members: Members) -> None:
    """Others may have read the alert meanwhile: it is asked about anew."""
    one = members.come()
    one.watch(*IDS)
    one.serve(dict.fromkeys(IDS, OPEN))
    one.now += 60
    assert sorted(one.asked()) == sorted(IDS)
    two = members.come()
    balance(one, two)
    two.watch(*IDS)
    two.now += 70
    for alert_id in two.asked():
        two.answer(alert_id, ACKED)
    members.leave(two)
    one.now += 60
    balance(one)
    assert one.shards() == [0, 1, 2, 3]

    for alert_id in IDS:
        one.answer(alert_id, OPEN, asked_at=BORN + 60)

    for alert_id in of_shards(2, 3):
        known = one.ledger.get("prod", alert_id)
        assert known is not None
        assert (known.read_at, known.is_acked) == (BORN + 70, True)
    assert sorted(one.asked()) == sorted(of_shards(2, 3))
    for alert_id in of_shards(2, 3):
        one.answer(alert_id, ACKED)
    assert counted(one) == {"CREATE": len(IDS), "ACK": len(of_shards(2, 3))}


def test_failures_stay_with_the_member_that_saw_them(members: Members) -> None:
    """An alert that is given up is another member's to judge anew."""
    one = members.come()
    one.watch(*IDS)
    for _ in range(2):
        one.serve({alert_id: BadRequest("odd") if shard_of(alert_id) == 3 else OPEN for alert_id in IDS})
        one.now += 60
    assert set(one.state().given_up) == set(of_shards(3))
    two = members.come()
    balance(one, two)

    assert one.state().given_up == {}
    two.watch(*IDS)
    assert set(of_shards(3)) <= set(two.asked())


def test_a_baseline_is_completed_shard_by_shard(members: Members) -> None:
    """By who owns them, once their alerts were asked: another member's shards are not concerned."""
    one, two = members.pair()
    for member in (one, two):
        member.watch(*IDS)
    one.serve(dict.fromkeys(IDS, log()))
    assert one.ledger.lacking_baseline("prod") == frozenset()
    assert two.ledger.lacking_baseline("prod") == {2, 3}
    read = one.ledger.get("prod", of_shards(0)[0])
    unread = two.ledger.get("prod", of_shards(2)[0])
    assert read is not None
    assert unread is not None
    assert (read.counts_from > EVERYTHING, unread.counts_from) == (True, EVERYTHING)

    members.leave(two)
    balance(one)
    assert one.ledger.lacking_baseline("prod") == {2, 3}
    one.cycle()
    assert one.ledger.lacking_baseline("prod") == {2, 3}
    one.now += 60
    one.serve(dict.fromkeys(IDS, OPEN) | {read.alert_id: log()})
    assert one.ledger.lacking_baseline("prod") == frozenset()
    assert counted(one) == {"CREATE": len(IDS) - 1}
    again = one.ledger.get("prod", read.alert_id)
    assert again is not None
    assert again.counts_from == read.counts_from


def test_a_new_alert_counts_from_the_last_good_cycle_of_its_own_shard(members: Members) -> None:
    """A shard that nobody had for a while has more to catch up with than the others."""
    one, two = members.pair()
    for member in (one, two):
        member.watch("x")
        member.serve({"x": OPEN})
    members.leave(two)
    one.now += 7200
    one.serve({"x": OPEN})
    balance(one)
    one.watch("x", *IDS)

    for alert_id in IDS:
        known = one.ledger.get("prod", alert_id)
        assert known is not None
        assert known.counts_from == (one.now - 3600 if shard_of(alert_id) < 2 else BORN)


@pytest.mark.parametrize("shard", range(4))
def test_a_shard_that_somebody_else_has_is_found_out_by_a_commit(members: Members, shard: int) -> None:
    """Nothing of that commit happened; the alerts of the other shards are asked about again, and count once."""
    one = members.come()
    one.watch(*IDS)
    asked = one.asked()
    members.steal(shard)

    assert not one.answer_all(dict.fromkeys(asked, OPEN))
    assert counted(one) == {}
    one.poller.share(one.now)
    left = [alert_id for alert_id in IDS if shard_of(alert_id) != shard]
    assert one.poller.watched == {("prod", alert_id) for alert_id in left}
    again = one.asked()
    assert sorted(again) == sorted(left)
    assert one.answer_all(dict.fromkeys(again, OPEN))
    assert counted(one) == {"CREATE": len(left)}


def test_nobody_joins_a_shard_that_was_just_lost(members: Members) -> None:
    """The first look at the database tells it: what comes after that is another member's."""
    one = members.come()
    one.watch()
    members.steal(3)

    one.join(*IDS)

    assert set(one.ledger.owned) == {0, 1, 2}
    assert one.ledger.view().alerts.keys() <= {("prod", alert_id) for alert_id in of_shards(0, 1, 2)}
    assert members.alerts_of(3) == []
    one.poller.share(one.now)
    one.poller.select(one.now)
    assert sorted(one.asked()) == sorted(of_shards(0, 1, 2))


@pytest.mark.parametrize("free", [[], [2, 3]])
def test_a_shard_that_was_lost_and_taken_again_at_once_is_begun_anew(members: Members, free: list[int]) -> None:
    """Also where others are gained beside it: what somebody else did meanwhile is not to be missed."""
    one = members.come()
    two = members.come()
    if free:
        balance(one, two)
    one.watch(*IDS)
    asked = one.asked()
    members.leave(two)
    members.steal(1)
    members.note_read(*of_shards(1))

    balance(one)
    assert one.shards() == [0, 1, 2, 3]
    for alert_id in asked:
        one.answer(alert_id, OPEN)

    for alert_id in of_shards(1):
        known = one.ledger.get("prod", alert_id)
        assert known is not None
        assert known.read_at == BORN + 5
    assert one.state().watched == {WatchedState.OPEN: len(IDS)}
    assert set(of_shards(1)) <= set(one.asked())
