"""What pages are told of the polling as it goes on: when an alert is next, why it failed, what a source was asked."""

from exporter.blueking import NotAllowed, Upstream
from exporter.metrics import Plan, WatchedState
from exporter.poller.schedule import QUARANTINE_AFTER
from tests.poller.desk import BORN, Desk, log

OPEN = log(("CREATE", BORN - 60))


def test_the_plan_tells_when_an_alert_is_asked_about(desk: Desk) -> None:
    """Due now at first, also while it is under way; then as far ahead as its next poll really is; else never."""
    desk.watch("1")
    assert desk.state().polling.plan("1") == Plan(desk.now)
    (asked,) = desk.asked()
    assert desk.state().polling.plan("1") == Plan(desk.now)
    desk.answer(asked, OPEN)

    next_poll_at = desk.state().polling.plan("1").next_poll_at

    assert next_poll_at is not None
    desk.now = next_poll_at - 0.01
    assert desk.asked() == []
    desk.now = next_poll_at
    assert desk.asked() == ["1"]
    assert desk.state().polling.plan("2") == Plan(None)


def test_the_plan_tells_why_the_last_poll_failed_until_one_succeeds(desk: Desk) -> None:
    """The error's words, and with patience over also the state; a good answer clears both."""
    desk.watch("1", "2")
    for _ in range(QUARANTINE_AFTER + 1):
        desk.serve({"1": Upstream("it is busy"), "2": OPEN})
        desk.now += 3600
    assert desk.state().polling.plan("1").error == str(Upstream("it is busy"))
    assert desk.state().given_up == {"1": WatchedState.QUARANTINED}
    assert desk.state().polling.plan("2").error == ""

    desk.serve({"1": OPEN, "2": OPEN})

    assert desk.state().polling.plan("1").error == ""
    assert desk.state().given_up == {}


def test_nothing_is_planned_before_a_pause_ends(desk: Desk) -> None:
    """A source that refuses us is left alone: so are all its alerts."""
    desk.watch("1", "2")
    for alert_id in desk.asked():
        desk.answer(alert_id, NotAllowed("3300001"))

    paused_until = desk.state().polling.asked().paused_until

    assert paused_until > desk.now
    assert desk.state().polling.plan("1").next_poll_at == desk.state().polling.plan("2").next_poll_at == paused_until


def test_what_was_asked_is_counted_since_the_start(desk: Desk) -> None:
    """Polls, failures by reason, requests by endpoint and code, and the pace."""
    desk.own.add_source("other", ["upstream"], ["get_event_log"])
    desk.own.requested("other", "get_event_log", "500", 0.1)
    desk.watch("1", "2")
    desk.serve({"1": OPEN, "2": Upstream("it is busy")})
    desk.own.requested("prod", "get_event_log", "200", 0.1)

    asked = desk.state().polling.asked()

    assert (asked.polls, asked.failures["upstream"], asked.failures["timeout"]) == (2, 1, 0)
    assert asked.requests == {("get_event_log", "200"): 1}
    assert (asked.rate, asked.full_rate) == (100.0, 100.0)


def test_the_last_good_cycle_is_that_of_the_watch_that_is_furthest_behind(desk: Desk) -> None:
    """None before each watch had one; then it moves on with the cycles."""
    assert desk.state().last_good_cycle_at is None
    desk.watch("1")
    desk.serve({"1": OPEN})
    first = desk.state().last_good_cycle_at
    assert first == desk.now

    desk.now += 60
    desk.serve({"1": OPEN})

    assert desk.state().last_good_cycle_at == desk.now > first
