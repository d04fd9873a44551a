"""What a source poller asks, and what it makes of the answers: intervals, trouble, ends."""

from pathlib import Path

from prometheus_client.exposition import generate_latest

from exporter.blueking import BadRequest, NoSuchAlert, TooFast, Unreachable, Upstream
from exporter.config import RateLimitSettings
from exporter.metrics.moment import WatchedState
from exporter.poller.schedule import QUARANTINE_AFTER, QUICK_TRIES, GivenUp
from exporter.poller.workers import Answer
from tests.poller.desk import BORN, Desk, log

DAY = 86_400.0
OLD = log(("CREATE", BORN - DAY), ("ACK", BORN - DAY + 60), ("RECOVER", BORN - DAY + 600))
OPEN = log(("CREATE", BORN - 60))


def test_an_open_alert_is_asked_at_its_interval_and_a_resting_one_never(desk: Desk) -> None:
    """Every thirty seconds while open, once more when it settled, then no more; nor after a restart."""
    desk.watch("1")
    desk.serve({"1": OPEN})
    asked_at = []
    for _ in range(100):
        desk.now += 1
        for alert_id in desk.asked():
            asked_at.append(desk.now - BORN)
            desk.answer(alert_id, log(("CREATE", BORN - 60), ("RECOVER", BORN + 25)))

    assert asked_at[0] <= 33
    assert asked_at[1:] == [35]
    assert desk.state().watched == {}
    again = desk.restart(desk.now)
    again.watch("1")
    assert again.asked() == []
    again.close()


def test_an_answer_that_comes_after_its_alert_left_still_counts(desk: Desk) -> None:
    """What was asked for is not thrown away."""
    desk.watch("1")
    desk.asked()
    desk.watch()

    desk.answer("1", OPEN)

    assert desk.records() == {"CREATE": 1}
    desk.now += 3600
    assert desk.asked() == []


def test_an_unknown_alert_becomes_missing_and_comes_back(desk: Desk) -> None:
    """Some quick tries, then rarely; its first log makes it an alert like any other."""
    desk.watch("1")
    tries = 0
    while desk.state().watched != {WatchedState.MISSING: 1}:
        desk.serve({"1": NoSuchAlert("3324002")})
        tries += 1
        desk.now += 30
    assert tries == QUICK_TRIES + 1
    assert desk.state().up
    assert desk.asked() == []

    desk.now += 3600
    desk.serve({"1": log(("CREATE", desk.now - 5))})

    assert desk.records() == {"CREATE": 1}
    assert desk.state().watched == {WatchedState.OPEN: 1}


def test_an_ended_alert_that_is_gone_at_its_last_read_is_closed(desk: Desk) -> None:
    """Its end was seen; that the source forgot it meanwhile does not keep it out of the totals."""
    desk.watch("1")
    desk.serve({"1": log(("CREATE", BORN - 60), ("CLOSE", BORN - 1))})
    desk.now += 10
    for _ in range(QUICK_TRIES + 1):
        desk.serve({"1": NoSuchAlert("3324002")})
        desk.now += 30

    ended = [t.values for s, t in desk.ledger.view().totals.items() if s.total == "alerts_ended"]
    assert ended == [(1.0,)]
    assert desk.state().watched == {}


def test_what_could_not_be_committed_is_asked_again(desk: Desk) -> None:
    """A refused commit loses the answer, not the records."""
    desk.watch("1")
    desk.asked()
    desk.poller.answered()
    desk.poller.postpone(Answer("prod", "1", desk.now, OPEN), desk.now)
    assert desk.records() == {}

    desk.now += 30
    desk.serve({"1": OPEN})
    assert desk.records() == {"CREATE": 1}


def test_no_more_questions_than_the_source_allows(tmp_path: Path) -> None:
    """Concurrency bounds what is under way, the rate what goes out, and the wait is counted."""
    desk = Desk(tmp_path, BORN, RateLimitSettings(requests_per_second=1.0, burst=2, concurrency=3))
    desk.watch("1", "2", "3", "4", "5")

    assert desk.asked() == ["1", "2"]
    desk.now += 1.5
    assert desk.asked() == ["3"]
    desk.now += 100
    assert desk.asked() == []
    desk.answer("1", OPEN)
    assert desk.asked() == ["4"]
    assert 'throttled_seconds_total{source="prod"} 1.5' in generate_latest(desk.own).decode()
    desk.close()


def test_a_paused_source_is_probed_by_a_single_question(desk: Desk) -> None:
    """Nothing goes out during the pause; then one question tells whether all may follow."""
    desk.watch("1", "2", "3")
    for alert_id in desk.asked():
        desk.answer(alert_id, TooFast("429", retry_after=20.0))
    assert desk.state().up
    assert desk.state().overdue == 0
    assert desk.poller.wakes_at(desk.now) == BORN + 20

    desk.now += 19
    assert desk.asked() == []
    assert desk.state().overdue == 19
    desk.now += 1
    probe = desk.asked()
    assert len(probe) == 1
    assert desk.poller.wakes_at(desk.now) is None
    desk.answer(probe[0], OPEN)

    assert desk.state().up
    assert len(desk.asked()) == 2


def test_waiting_for_the_rate_limit_is_counted_only_while_somebody_waits(tmp_path: Path) -> None:
    """An alert that leaves while it waits, or a pause, ends the wait."""
    desk = Desk(tmp_path, BORN, RateLimitSettings(requests_per_second=1.0, burst=1, concurrency=3))
    desk.watch("1", "2")
    desk.asked()
    desk.watch("1")
    desk.now += 30
    desk.asked()
    desk.watch("1", "2")
    desk.asked()

    assert 'throttled_seconds_total{source="prod"} 0.0' in generate_latest(desk.own).decode()
    desk.close()


def test_overdue_is_counted_from_when_a_poll_was_due(desk: Desk) -> None:
    """However often a source that is down is probed, its polls are as late as they are."""
    desk.watch("1")
    for _ in range(20):
        desk.serve({"1": Unreachable("refused")})
        desk.now += 200

    assert desk.state().overdue == 4000


def test_freshness_outlives_a_restart(desk: Desk) -> None:
    """With the source down after a restart, the last good poll is the one before it."""
    desk.watch("1")
    desk.serve({"1": OPEN})

    again = desk.restart(BORN + 900)
    again.watch("1")
    again.serve({"1": Unreachable("refused")})

    assert again.state().last_success_at == BORN
    again.close()


def test_a_quarantined_alert_that_expires_is_quarantined_no_more(desk: Desk) -> None:
    """Given up and older than max_age, it rests with what is known of it."""
    desk.watch("1", "2")
    desk.serve({"1": OPEN, "2": OPEN})
    for _ in range(QUARANTINE_AFTER + 1):
        desk.now += 3600
        desk.serve({"1": OPEN, "2": Upstream("500")})
    assert desk.state().watched[WatchedState.QUARANTINED] == 1

    desk.now += 31 * DAY
    desk.serve({"1": OPEN, "2": Upstream("500")})

    assert desk.state().watched[WatchedState.QUARANTINED] == 0


def test_a_fixed_alert_that_was_never_read_is_asked_about_for_good(desk: Desk) -> None:
    """Nothing ever told of it, so there is nothing to conclude from; it shows as given up until the config drops it."""
    desk.watch("1", "2")
    for _ in range(QUARANTINE_AFTER + 1):
        desk.serve({"1": OPEN, "2": Upstream("500")})
        desk.now += 3600
    desk.now += 31 * DAY
    assert "2" in desk.asked()
    desk.answer("2", Upstream("500"))

    assert desk.state().watched[WatchedState.QUARANTINED] == 1
    assert [s for s in desk.ledger.view().totals if s.total == "alerts_ended"] == []


def test_the_standing_tells_what_changes_without_a_commit(desk: Desk) -> None:
    """An alert that is given up, a first cycle that is over, and trouble: each is another standing."""
    standings = [desk.poller.standing()]
    desk.watch("1", "2")
    for _ in range(QUARANTINE_AFTER):
        desk.serve({"1": OPEN, "2": Upstream("500")})
        desk.now += 400
        standings.append(desk.poller.standing())
    desk.serve({"1": Unreachable("refused"), "2": Unreachable("refused")})
    desk.now += 10
    desk.serve({"1": Unreachable("refused"), "2": Unreachable("refused")})
    standings.append(desk.poller.standing())

    assert standings[0] == ("", False, {})
    assert standings[1:-1] == [("", True, {})] * (QUARANTINE_AFTER - 1) + [("", True, {"2": GivenUp.QUARANTINED})]
    assert standings[-1] == ("refused", True, {"2": GivenUp.QUARANTINED})


def test_a_refusal_of_an_alert_that_was_read_before_is_retried_soon(desk: Desk) -> None:
    """A gateway that knows no API while it is redeployed costs no hour."""
    desk.watch("1")
    desk.serve({"1": OPEN})
    desk.now += 30
    desk.serve({"1": BadRequest("1640401 API not found")})
    desk.now += 30

    assert desk.asked() == ["1"]


def test_a_source_is_cycled_when_every_alert_was_asked_or_it_failed(desk: Desk) -> None:
    """Readiness waits for the first cycle, and not for a source that said why it cannot be."""
    desk.watch("1", "2")
    desk.asked()
    desk.answer("1", OPEN)
    assert not desk.state().cycled
    desk.answer("2", Upstream("500"))
    assert desk.state().cycled

    other = desk.restart(BORN)
    other.watch("1", "2", "3")
    first, second, _ = other.asked()
    other.answer(first, Unreachable("connection refused"))
    other.now += 5
    other.answer(second, Unreachable("connection refused"))
    assert other.state().cycled
    other.close()
