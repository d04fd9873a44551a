"""When to ask next: rules that need no clock."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.blueking import Reason
from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.sightings import Outcome, Sighting
from exporter.poller.schedule import (
    LONGEST_RETRY,
    QUARANTINE_AFTER,
    QUICK_TRIES,
    GivenUp,
    Pace,
    Streak,
    fail,
    fail_search,
    is_down,
    next_poll_at,
    retry_at,
    search_retry_at,
    sighted_due_at,
    source_pause,
)

PACE = Pace(interval=30, acked_interval=300, refresh=600, settle=10)
OPEN = KnownAlert("prod", "1", (), first_seen_at=0, read_at=0)
REASONS = st.sampled_from(Reason)
JITTER = st.floats(0, 1)


def streak(reason: Reason, failures: int) -> Streak:
    """Return a streak of failures that began at 100."""
    return Streak(failures, 100.0, reason)


@pytest.mark.parametrize(("known", "interval"), [(OPEN, 30), (replace(OPEN, ack=Milestone(5.0)), 300)])
def test_an_open_alert_is_asked_at_the_interval(known: KnownAlert, interval: float) -> None:
    """Un-acked alerts are asked about often, acknowledged ones rarely; each soon falls into its own slot."""
    first = next_poll_at(known, 1000, PACE)
    assert first is not None
    second = next_poll_at(known, first + 0.2, PACE)

    assert interval / 10 <= first - 1000 <= interval * 1.1
    assert second == pytest.approx(first + interval)


def test_alerts_that_come_together_are_soon_asked_apart() -> None:
    """A thousand of one moment are spread over the interval by their next poll."""
    dues = [next_poll_at(replace(OPEN, alert_id=str(number)), 1000, PACE) for number in range(1000)]
    seconds = Counter(int(due) for due in dues if due is not None)

    assert len(seconds) >= 30
    assert max(seconds.values()) < 60


SEARCHED = replace(OPEN, sighting=Sighting("1"))


def test_a_refresh_doubles_while_nothing_new_is_found() -> None:
    """Up to an hour; an acknowledged alert is left alone longer, as much as a fixed one is."""
    acked = replace(SEARCHED, ack=Milestone(5.0))
    gentle = replace(PACE, acked_interval=60)

    assert [next_poll_at(replace(SEARCHED, quiet_reads=n), 0, PACE) for n in range(4)] == [600, 1200, 2400, 3600]
    assert next_poll_at(acked, 0, PACE) == 3600
    assert [next_poll_at(replace(acked, quiet_reads=n), 0, gentle) for n in range(3)] == [1200, 2400, 3600]
    assert next_poll_at(acked, 0, replace(PACE, acked_interval=1)) == 600


def test_a_read_is_due_when_the_ack_deadline_has_settled() -> None:
    """So that a missed deadline shows within seconds; a refresh shortly before it would tell nothing more."""
    soon = replace(SEARCHED, created_at=0.0, ack_target=300.0)
    later = replace(soon, ack_target=1800.0)
    fixed = replace(soon, sighting=None)

    assert next_poll_at(soon, 5, PACE) == 310
    assert next_poll_at(later, 5, PACE) == 605
    assert next_poll_at(replace(later, quiet_reads=1), 605, PACE) == 1810
    assert next_poll_at(soon, 310, PACE) == 910
    assert next_poll_at(replace(soon, deadline_result=DeadlineResult.MET), 5, PACE) == 605
    assert next_poll_at(fixed, 299, PACE) == 310
    assert (next_poll_at(fixed, 250, PACE) or 0) < 283


def test_a_late_ack_record_is_asked_for_a_few_times() -> None:
    """The search tells of an acknowledgement that no record shows yet: after settle, then more and more rarely."""
    acked = replace(OPEN, sighting=Sighting("1", is_acked=True))

    dues = [next_poll_at(replace(acked, quiet_reads=n), 0, PACE) for n in range(4)]
    assert dues == [10, 20, 40, 3600]


def test_an_ended_alert_is_asked_once_more_when_it_settled() -> None:
    """The last read is at end + settle; a resting alert is not asked at all."""
    settling = replace(OPEN, settles_at=1010.0)

    assert next_poll_at(settling, 1000, PACE) == 1010
    assert next_poll_at(replace(settling, rested_at=1011.0), 1011, PACE) is None


@pytest.mark.parametrize(("ended_at", "due_at"), [(100.0, 110), (None, 60)])
def test_an_end_told_before_a_restart_is_read_when_it_has_settled(ended_at: float | None, due_at: float) -> None:
    """The search told the end, the exporter stopped before it read the log: that waits for no refresh."""
    ended = Sighting("1", is_acked=True, outcome=Outcome.RECOVERED, ended_at=ended_at)
    known = replace(OPEN, read_at=50, ack=Milestone(5.0), sighting=ended)

    assert next_poll_at(known, 50, PACE) == due_at


@pytest.mark.parametrize(("ended_at", "due_at"), [(None, 1010), (900, 1000), (995, 1005), (99_999, 1010)])
def test_an_end_that_a_search_tells_is_read_when_it_has_settled(ended_at: float | None, due_at: float) -> None:
    """At once where it is old, and however far the server's clock is ahead, no later than after `settle`."""
    ended = replace(OPEN, sighting=Sighting("1", outcome=Outcome.CLOSED, ended_at=ended_at))

    assert sighted_due_at(replace(OPEN, sighting=Sighting("1")), ended, 1000, PACE) == due_at


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


@pytest.mark.parametrize(
    ("reason", "waits"),
    [
        (Reason.BAD_REQUEST, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
        (Reason.UPSTREAM, [30, 60, 120, 240, 300, 300, 300, 300, 300]),
        (Reason.TIMEOUT, [30, 60, 120, 240, 300, 300, 300, 300, 300]),
    ],
)
def test_a_search_is_repeated_ever_more_rarely(reason: Reason, waits: list[float]) -> None:
    """From the interval on the wait doubles: to an hour for one that is wrong, to five minutes for one in trouble."""
    failing = None
    waited = []
    for _ in waits:
        failing = fail_search(failing, reason, 1000)
        waited.append(search_retry_at(failing, 1000, PACE, 1.0) - 1000)

    assert waited == waits


@given(reason=REASONS, failures=st.integers(1, 10_000), jitter=JITTER)
def test_half_of_a_searchs_wait_is_jitter(reason: Reason, failures: int, jitter: float) -> None:
    """Searches that failed together do not come back together, and none comes back before half its time."""
    full = search_retry_at(streak(reason, failures), 0, PACE, 1.0)

    assert full / 2 <= search_retry_at(streak(reason, failures), 0, PACE, jitter) <= full


def test_a_search_that_is_wrong_after_trouble_begins_anew() -> None:
    """Hours of trouble are no reason to leave a search that is called wrong alone for an hour, nor the other way."""
    trouble = fail_search(streak(Reason.UPSTREAM, 50), Reason.TIMEOUT, 200)
    wrong = fail_search(trouble, Reason.BAD_REQUEST, 300)

    assert trouble == Streak(51, 100.0, Reason.TIMEOUT)
    assert wrong == Streak(1, 300, Reason.BAD_REQUEST)
    assert fail_search(wrong, Reason.UPSTREAM, 400) == Streak(1, 400, Reason.UPSTREAM)
