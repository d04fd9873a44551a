"""The small parts of the poller: the rate limit, the due queue, health and skew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.blueking import NotAllowed, TimedOut, TooFast, Unreachable, Upstream
from exporter.flow.known import KnownAlert
from exporter.poller.due import DueQueue
from exporter.poller.health import SourceHealth
from exporter.poller.pace import TokenBucket
from exporter.poller.schedule import DOWN_AFTER
from exporter.poller.skew import TimezoneSkew


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 50),
    steps=st.lists(st.floats(-5, 5), max_size=200),
)
def test_the_rate_limit_holds_over_any_time(rate: float, burst: int, steps: list[float]) -> None:
    """However the clock moves, also backwards, no more goes out than the burst and the rate allow."""
    bucket = TokenBucket(rate, burst, now=100.0)
    now, forward, taken = 100.0, 0.0, 0
    for step in steps:
        now += step
        forward += max(0.0, step)
        taken += bucket.take(now)

    assert taken <= burst + forward * rate + 1e-6


def test_after_the_wait_there_is_a_token() -> None:
    """The bucket tells when it is worth asking again."""
    bucket = TokenBucket(rate=4, burst=2, now=0.0)

    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert bucket.wait(0.0) == pytest.approx(0.25)
    assert bucket.take(0.25)


@given(st.lists(st.sampled_from("abcdef") | st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 20))))
def test_the_queue_gives_what_is_due_first(steps: list[str | dict[str, float]]) -> None:
    """Whatever was set, moved and dropped, one by one or many at once, keys come out once each, by their last time."""
    queue = DueQueue()
    due: dict[str, float] = {}
    for step in steps:
        if isinstance(step, str):
            queue.drop(step)
            due.pop(step, None)
        elif len(step) == 1:
            queue.put(*step.copy().popitem())
            due |= step
        else:
            queue.put_all(step)
            due |= step

    queue.shift(-5.0)
    taken = []
    while queue.first() is not None:
        taken.append(queue.pop())
    assert dict(taken) == {key: at - 5 for key, at in due.items()}
    assert [at for _, at in taken] == sorted(at for _, at in taken)


def test_an_empty_queue_has_nothing_to_give() -> None:
    """Taking from it is an error, not a wait."""
    with pytest.raises(LookupError):
        DueQueue().pop()


def make_health() -> SourceHealth:
    """Return the health of a source without jitter."""
    return SourceHealth("prod", lambda: 1.0, None)


def test_a_refused_source_pauses_and_says_why_once() -> None:
    """The log tells the change, not each failure; then that it is back."""
    health = make_health()

    with capture_logs() as logs:
        health.failed("1", NotAllowed("get_event_log: 1640001 app secret is incorrect"), 1.0, 1.0)
        health.failed("1", NotAllowed("get_event_log: 1640001 app secret is incorrect"), 61.0, 61.0)
        assert health.trouble == "get_event_log: 1640001 app secret is incorrect"
        assert health.paused_until == 181.0
        probing = health.is_probing
        health.succeeded("1", 190.0, 200.0)

    assert probing
    assert (health.trouble, health.is_probing, health.succeeded_at) == ("", False, 200.0)
    assert [entry["event"] for entry in logs] == ["source is in trouble", "source is back"]


def test_a_server_that_says_when_is_heard() -> None:
    """The pause is the one that the rate limit asked for; a shorter one does not cut it."""
    health = make_health()
    health.failed("1", TooFast("too fast", retry_after=40.0), 1.0, 1.0)
    health.failed("1", Unreachable("refused"), 2.0, 2.0)
    health.failed("1", TooFast("too fast", retry_after=5.0), 3.0, 3.0)

    assert health.paused_until == 41.0


@pytest.mark.parametrize("alerts", [0, 3, 6])
def test_alerts_that_time_out_make_no_pause_longer(alerts: int) -> None:
    """However many alerts failed for themselves before, the first pause is the first one; the second doubles it."""
    health = make_health()
    for _ in range(alerts):
        health.failed("1", TimedOut("slow"), asked_at=1.0, now=1.0)

    health.failed("1", TooFast("too fast"), asked_at=2.0, now=2.0)
    first = health.paused_until - 2.0
    health.failed("1", TooFast("too fast"), asked_at=10.0, now=10.0)

    assert (first, health.paused_until - 10.0) == (1.0, 2.0)


def test_pauses_of_different_kinds_double_for_themselves() -> None:
    """A connection that breaks is another matter than haste; a refused caller waits its minute, not ten."""
    health = make_health()
    for asked_at in (10.0, 20.0, 30.0):
        health.failed("1", TooFast("too fast"), asked_at, asked_at)
    health.failed("1", Unreachable("refused"), 40.0, 40.0)
    after_unreachable = health.paused_until
    health.failed("1", NotAllowed("auth"), 50.0, 50.0)

    assert (after_unreachable, health.paused_until) == (41.0, 110.0)


def test_an_answer_ends_the_row() -> None:
    """After it the next pause is the first one again, and the source is as far from being down as ever."""
    health = make_health()
    for asked_at in (10.0, 20.0, 30.0, 40.0):
        health.failed("1", TooFast("too fast"), asked_at, asked_at)
    health.succeeded("1", 50.0, 50.0)
    health.failed("1", TooFast("too fast"), 60.0, 60.0)

    assert (health.trouble, health.paused_until) == ("", 61.0)


def test_failures_of_every_kind_add_up_to_a_source_that_is_down() -> None:
    """Five polls in a row without an answer are enough, whatever went wrong with each."""
    health = make_health()
    for error in (TimedOut("slow"), Upstream("500"), TooFast("too fast"), TimedOut("slow")):
        health.failed("1", error, health.paused_until + 1.0, health.paused_until + 1.0)
    before = health.trouble
    health.failed("1", Unreachable("refused"), health.paused_until + 1.0, health.paused_until + 1.0)

    assert (before, health.trouble) == ("", "refused")


def test_one_broken_connection_after_a_slow_alert_is_no_source_that_is_down() -> None:
    """A single one may be an idle connection that the server just closed, whatever else failed before."""
    health = make_health()
    health.failed("1", TimedOut("slow"), 1.0, 1.0)
    health.failed("1", Unreachable("reset"), 2.0, 2.0)
    before = health.trouble
    health.failed("1", Unreachable("reset"), 4.0, 4.0)

    assert (before, health.trouble) == ("", "reset")


def test_a_failure_before_the_clock_was_set_back_hides_no_answer() -> None:
    """What is answered after the clock moved is news, though its time is before that of the failure."""
    health = make_health()
    health.failed("1", NotAllowed("refused"), asked_at=10_000.0, now=10_001.0)
    health.clock_set_back(7200.0)
    health.succeeded("1", asked_at=2900.0, now=2901.0)

    assert (health.trouble, health.paused_until) == ("", 0.0)


def test_questions_that_fail_together_are_one_failure() -> None:
    """However many were under way when the connection broke, the source is not down, and the pause is the first."""
    health = make_health()
    for _ in range(16):
        health.failed("1", Unreachable("refused"), asked_at=1.0, now=1.5)

    assert health.trouble == ""
    assert health.paused_until == 2.5


def test_an_answer_that_was_under_way_does_not_end_a_pause() -> None:
    """What was asked before the refusal tells nothing about what the source takes now."""
    health = make_health()
    health.failed("1", TooFast("too fast", retry_after=60.0), asked_at=1.0, now=1.2)
    health.succeeded("1", asked_at=1.0, now=1.3)

    assert health.paused_until == 61.2
    assert health.succeeded_at == 1.3
    health.succeeded("1", asked_at=61.2, now=61.5)
    assert health.paused_until == 0


@pytest.mark.parametrize("error", [Upstream("500"), TimedOut("slow")])
def test_one_alert_in_trouble_is_no_source_in_trouble(error: Upstream) -> None:
    """Only a row of failures without any answer between them means that the source is down; it is not paused."""
    health = make_health()
    for _ in range(DOWN_AFTER - 1):
        health.failed("1", error, 1.0, 1.0)
    before = health.trouble

    health.failed("1", error, 1.0, 1.0)
    assert (before, health.trouble) == ("", str(error))
    assert health.paused_until == 0.0
    assert not health.is_probing


def make_read(number: int, created_at: float, recorded: bool = True) -> KnownAlert:
    """Return an alert whose id says that it was created at 1700000000."""
    alert_id = f"1700000000{number:05}"
    return KnownAlert("prod", alert_id, (), first_seen_at=0, created_at=created_at, creation_recorded=recorded)


def test_a_wrong_time_zone_is_reported_once_several_alerts_tell_it() -> None:
    """One odd alert is an oddity; three that are eight hours off are a time zone."""
    skew = TimezoneSkew("prod")

    with capture_logs() as logs:
        for number in (1, 2, 2, 2):
            skew.add(make_read(number, 1_700_028_800.0), now=1_700_000_000.0)
        told_by_two = skew.seconds
        for number in (3, 4, 5):
            skew.add(make_read(number, 1_700_028_800.0), now=1_700_000_000.0)

    assert (told_by_two, skew.seconds, skew.reported) == (None, 28_800, 28_800)
    assert len(logs) == 1
    assert logs[0]["skew_seconds"] == 28_800


def test_a_mended_time_zone_shows_as_its_alerts_are_read_again() -> None:
    """The skew is that of the last reads, not of all that ever were."""
    skew = TimezoneSkew("prod")
    for created_at in (1_700_028_800.0, 1_700_000_000.0):
        for number in range(4):
            skew.add(make_read(number, created_at), now=1_700_000_000.0)

    assert (skew.seconds, skew.reported) == (0, 0)
    for number in range(1000, 1200):
        skew.add(make_read(number, 1_700_000_007.0), now=1_700_000_000.0)
    assert skew.seconds == 7


def test_a_right_time_zone_has_no_skew() -> None:
    """Seconds between record and id are normal; an alert without a CREATE record tells nothing."""
    skew = TimezoneSkew("prod")

    with capture_logs() as logs:
        for late in (0, 1, 2):
            skew.add(make_read(late, 1_700_000_000.0 + late), now=1_700_000_000.0)
        skew.add(make_read(9, 1_700_028_800.0, recorded=False), now=1_700_000_000.0)

    assert (skew.seconds, skew.reported) == (1, 0)
    assert logs == []
