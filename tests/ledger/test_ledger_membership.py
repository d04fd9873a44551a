"""What a member concludes from who shares the ledger, and from a session of its own that broke."""

import pytest

from exporter.flow.shards import Shards
from exporter.ledger.members import Members
from exporter.ledger.membership import Membership

BEFORE, AFTER, LATER = 10, 11, 12  # sessions
OURS = frozenset({0, 1})


class Clock:
    """Tells the seconds that it is set to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at 0."""
    return Clock()


@pytest.fixture
def member(clock: Clock) -> Membership:
    """Return one of four that share eight shards."""
    member = Membership(Shards(8), clock)
    member.look(Members(4, 0, BEFORE), 0.0)
    member.took(OURS, OURS)
    assert member.missing == 0
    return member


def test_what_a_member_leaves_is_missing_at_once(member: Membership) -> None:
    """Who still has its own session takes what is left by another one."""
    member.look(Members(3, 0, BEFORE), 1.0)
    assert member.missing == 1


def test_who_lost_its_session_waits_for_those_who_were_there(member: Membership) -> None:
    """The others lost theirs as well, it may be: what they had is theirs, as long as they come back soon."""
    for number in (1, 3):
        member.look(Members(number, 0, AFTER), 1.0)
        assert member.missing == 0
    member.look(Members(4, 0, AFTER), 2.0)
    member.look(Members(3, 0, AFTER), 3.0)
    assert member.missing == 1


def test_who_loses_its_session_again_still_waits_for_all(member: Membership) -> None:
    """Those who were there are those before the first loss."""
    member.look(Members(1, 0, AFTER), 1.0)
    member.look(Members(2, 0, LATER), 2.0)
    assert member.missing == 0
    member.look(Members(3, 0, LATER), 3.0)
    assert member.missing == 0


def test_nobody_waits_for_long(member: Membership, clock: Clock) -> None:
    """Who does not come back within seconds is dead."""
    member.look(Members(1, 0, AFTER), 0.0)
    clock.now = 7.0
    member.look(Members(1, 0, AFTER), 7.0)
    assert member.missing == 8 - len(OURS)


def test_who_lost_its_session_gives_up_what_is_too_much(member: Membership) -> None:
    """More came meanwhile: they need not wait."""
    member.look(Members(8, 0, AFTER), 1.0)
    assert member.give_up() == {1}
