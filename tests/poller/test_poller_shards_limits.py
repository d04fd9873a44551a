"""What members divide or have each for itself: the limits of a source, and that of label sets."""

import json

import pytest

from exporter.flow.deadlines import NO_TARGETS
from tests.poller.desk import LIMITS, POLL
from tests.poller.members import Member, Members, balance, of_shards
from tests.watching import write_file


def test_members_divide_what_a_source_may_be_asked(members: Members) -> None:
    """By how many there are now, whether shards change hands or not; other limits are divided as well."""
    one = members.come()
    two = members.come()
    idle = members.come()
    balance(one, two, idle)
    rates = [member.state().polling.asked().full_rate for member in (one, two, idle)]
    assert rates == [pytest.approx(LIMITS.requests_per_second / 3)] * 3

    members.leave(two)
    balance(one, idle)
    assert one.state().polling.asked().full_rate == LIMITS.requests_per_second / 2
    one.poller.adopt(
        watches=None,
        searches=(),
        poll=POLL,
        targets=NO_TARGETS,
        limits=LIMITS.model_copy(update={"requests_per_second": 6.0}),
        now=one.now,
    )
    assert one.state().polling.asked().full_rate == 3.0
    members.leave(idle)
    balance(one)
    assert one.state().polling.asked().full_rate == 6.0


def test_the_limit_of_label_sets_is_each_members_own(members: Members) -> None:
    """Those of shards that are given up leave room for others, and those that come with a shard take some."""

    def team_of(member: Member, team: str, *alert_ids: str) -> set[str]:
        groups.append({"alerts": alert_ids, "labels": {"team": team}})
        write_file(members.folder / "watch.yaml", json.dumps(groups))
        member.poller.select(member.now)
        return {dict(known.labels)["team"] for known in member.ledger.find("prod", alert_ids).values()}

    groups: list[object] = []
    (first, second, third), (other, _) = of_shards(0)[:3], of_shards(2)[:2]
    one = members.come(most_label_sets=2)
    assert team_of(one, "a", first) == {"a"}
    assert team_of(one, "b", other) == {"b"}
    two = members.come(most_label_sets=2)
    balance(one, two)
    assert team_of(one, "c", second) == {"c"}

    members.leave(two)
    balance(one)
    assert team_of(one, "d", third) == {"other"}
