"""When to ask next: rules that need no clock."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.blueking import Reason
from exporter.flow.known import KnownAlert, Milestone
from exporter.poller.schedule import (
    LONGEST_RETRY,
    QUARANTINE_AFTER,
    QUICK_TRIES,
    GivenUp,
    Pace,
    Streak,
    fail,
    is_down,
    next_poll_at,
    retry_at,
    source_pause,
)

PACE = Pace(interval=30, acked_interval=300, refresh=600, settle=10)
OPEN = KnownAlert("prod", "1", (), first_seen_at=0, read_at=0)
REASONS = st.sampled_from(Reason)
JITTER = st.floats(0, 1)


def streak(reason: Reason, failures: int) -> Streak:
    """Return a streak of failures that began at 100."""
    return Streak(failures, 100.0, reason)


def test_an_open_alert_is_asked_at_the_interval() -> None:
    """Un-acked alerts are asked about often, acknowledged ones rarely."""
    assert next_poll_at(OPEN, 1000, PACE) == 1030
    assert next_poll_at(replace(OPEN, ack=Milestone(5.0)), 1000, PACE) == 1300


def test_an_ended_alert_is_asked_once_more_when_it_settled() -> None:
    """The last read is at end + settle; a resting alert is not asked at all."""
    settling = replace(OPEN, settles_at=1010.0)

    assert next_poll_at(settling, 1000, PACE) == 1010
    assert next_poll_at(replace(settling, rested_at=1011.0), 1011, PACE) is None


def test_an_unknown_alert_is_tried_quickly_then_missing() -> None:
    """A few quick tries, in case the index is behind; then once an hour."""
    quick = streak(Reason.NO_SUCH_ALERT, QUICK_TRIES)
    missing = fail(quick, Reason.NO_SUCH_ALERT, 200)

    assert quick.given_up(None) is None
    assert retry_at(quick, None, 1000, PACE, 1.0) <= 1030
    assert missing.given_up(None) is GivenUp.MISSING
    assert retry_at(missing, GivenUp.MISSING, 1000, PACE, 1.0) == 1000 + LONGEST_RETRY


@pytest.mark.parametrize("reason", [Reason.UPSTREAM, Reason.UNREADABLE, Reason.TIMEOUT])
def test_a_poison_alert_is_quarantined_only_when_the_source_answers_others(reason: Reason) -> None:
    """While nothing answers, no alert is to blame."""
    failing = streak(reason, QUARANTINE_AFTER)

    assert failing.given_up(None) is None
    assert failing.given_up(99.0) is None
    assert failing.given_up(101.0) is GivenUp.QUARANTINED
    assert streak(reason, QUARANTINE_AFTER - 1).given_up(101.0) is None


def test_a_refused_request_is_quarantined_when_others_are_answered() -> None:
    """What the source cannot serve is hardly repeated; a wrong path, refused for all, blames no alert."""
    refused = streak(Reason.BAD_REQUEST, 1)

    assert refused.given_up(101.0) is GivenUp.QUARANTINED
    assert refused.given_up(None) is None
    assert retry_at(refused, None, 0, PACE, 1.0) == PACE.interval
    assert retry_at(refused, GivenUp.QUARANTINED, 0, PACE, 1.0) == LONGEST_RETRY


@given(reason=REASONS, failures=st.integers(1, 10_000), jitter=JITTER, answered=st.none() | st.just(101.0))
def test_retries_come_later_and_later_up_to_an_hour(
    reason: Reason, failures: int, jitter: float, answered: float | None
) -> None:
    """However often an alert fails, the next try is ahead, within the hour, and never earlier than the one before."""
    now, later = streak(reason, failures), streak(reason, failures + 1)
    wait = retry_at(now, now.given_up(answered), 1000, PACE, jitter) - 1000
    next_wait = retry_at(later, later.given_up(answered), 1000, PACE, jitter) - 1000

    assert 0 < wait <= LONGEST_RETRY
    assert next_wait >= wait


@given(reason=REASONS, failures=st.integers(1, 10_000), jitter=JITTER)
def test_a_source_is_left_alone_longer_and_longer(reason: Reason, failures: int, jitter: float) -> None:
    """Pauses grow and are bounded."""
    pause = source_pause(reason, failures, None, jitter)

    assert 0 < pause <= 600
    assert source_pause(reason, failures + 1, None, jitter) >= pause


def test_a_source_says_itself_how_long() -> None:
    """What the server asks for is what it gets."""
    assert source_pause(Reason.TOO_FAST, 9, 17.0, 0.5) == 17


def test_a_refused_caller_asks_again_slowly() -> None:
    """Wrong credentials are not hammered: a minute at least."""
    assert source_pause(Reason.NOT_ALLOWED, 1, None, 0.0) == 60


@pytest.mark.parametrize(
    ("reason", "failures"),
    [(Reason.NOT_ALLOWED, 1), (Reason.UNREACHABLE, 2), (Reason.TOO_FAST, 5), (Reason.UPSTREAM, 5)],
)
def test_a_source_is_down_after_some_failures(reason: Reason, failures: int) -> None:
    """A refusal is clear at once; a broken connection may be a stale one; anything else may be one alert's trouble."""
    assert is_down(reason, failures)
    assert not is_down(reason, failures - 1)


def test_a_streak_remembers_its_beginning() -> None:
    """The first failure tells since when, the last one of what kind."""
    first = fail(None, Reason.TIMEOUT, 100.0)

    assert fail(first, Reason.UPSTREAM, 200.0) == Streak(2, 100.0, Reason.UPSTREAM)
    assert fail(first, Reason.NO_SUCH_ALERT, 200.0) == Streak(1, 200.0, Reason.NO_SUCH_ALERT)
