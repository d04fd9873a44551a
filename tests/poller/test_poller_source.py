"""What a source poller asks, and what it makes of the answers: baseline, first sight, trouble, ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest

from exporter.blueking import BadRequest, NoSuchAlert, NotAllowed, TooFast, Unreachable, Upstream
from exporter.config import RateLimitSettings
from exporter.metrics.moment import WatchedState
from exporter.poller.schedule import QUARANTINE_AFTER, QUICK_TRIES
from exporter.poller.workers import Answer
from tests.poller.desk import BORN, Desk, log

DAY = 86_400.0
OLD = log(("CREATE", BORN - DAY), ("ACK", BORN - DAY + 60), ("RECOVER", BORN - DAY + 600))
OPEN = log(("CREATE", BORN - 60))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk on an empty ledger."""
    made = Desk(tmp_path, BORN)
    yield made
    made.close()


def test_the_baseline_counts_the_whole_history(desk: Desk) -> None:
    """Everything that the alerts of a new source ever did counts, and shows once all of them were read."""
    desk.watch("1", "2")
    assert desk.asked() == ["1", "2"]
    desk.answer("1", OLD)
    desk.cycle()
    assert not desk.ledger.has_baseline("prod")

    desk.answer("2", OPEN)
    desk.cycle()

    assert desk.ledger.has_baseline("prod")
    assert desk.records() == {"CREATE": 2, "ACK": 1, "RECOVER": 1}


def test_a_baseline_waits_for_something_to_watch(desk: Desk) -> None:
    """While a pattern matches no file yet, nothing is complete; the file that comes is read whole."""
    desk.poller.select(desk.now)
    desk.cycle()
    assert not desk.ledger.has_baseline("prod")

    desk.watch("1")
    desk.serve({"1": OLD})
    assert desk.records() == {"CREATE": 1, "ACK": 1, "RECOVER": 1}


def test_an_alert_without_records_in_the_baseline_brings_no_history_later(desk: Desk) -> None:
    """An empty answer counts as asked; what shows up afterwards counts from the end of the baseline on."""
    desk.watch("1", "2")
    desk.serve({"1": OPEN, "2": log()})
    assert desk.ledger.has_baseline("prod")

    desk.now += 30
    desk.serve({"1": OPEN, "2": OLD})

    assert desk.records() == {"CREATE": 1}


def test_an_overloaded_source_has_good_cycles_as_far_as_it_came(desk: Desk) -> None:
    """What was due an hour ago has been asked, though what is due now has not."""
    desk.watch("1")
    desk.serve({"1": OPEN})
    first = desk.ledger.last_good_cycle_at("prod", desk.watch_name)
    for _ in range(10):
        desk.now += 600
        desk.serve({"1": OPEN})
    desk.now += 600
    desk.cycle()

    assert first == BORN
    assert desk.ledger.last_good_cycle_at("prod", desk.watch_name) == desk.now - 570


def test_new_alerts_count_although_the_time_zone_is_wrong(desk: Desk) -> None:
    """Records that look eight hours old, as all do from this server, are not taken for history."""
    born, shift = int(desk.now), 8 * 3600
    ids = [f"{born}{number:05}" for number in range(4)]
    desk.watch(*ids[:3])
    desk.serve({alert_id: log(("CREATE", born - shift)) for alert_id in ids[:3]})
    desk.watch(*ids)

    desk.serve({ids[3]: log(("CREATE", born - shift), ("ACTION", born - shift + 3))})

    assert desk.records() == {"CREATE": 4, "ACTION": 1}


def test_a_baseline_without_alerts_is_complete(desk: Desk) -> None:
    """A source whose watch is empty is known from then on."""
    desk.watch()
    desk.cycle()

    assert desk.ledger.has_baseline("prod")


def test_without_a_selection_nothing_is_complete(desk: Desk) -> None:
    """Before the watches were looked at, or while the ledger refuses what they select, no cycle can end."""
    desk.cycle()

    assert not desk.ledger.has_baseline("prod")
    assert not desk.state().cycled


def test_a_restart_goes_on_with_the_baseline(desk: Desk) -> None:
    """A crash during the baseline costs nothing: what is still to be read counts whole."""
    desk.watch("1", "2")
    desk.asked()
    desk.answer("1", OLD)

    again = desk.restart(BORN + 5)
    again.watch("1", "2")
    again.serve({"2": OLD})

    assert again.ledger.has_baseline("prod")
    assert again.records() == {"CREATE": 2, "ACK": 2, "RECOVER": 2}
    again.close()


def test_an_alert_that_fails_holds_the_baseline_until_it_is_given_up(desk: Desk) -> None:
    """It is asked again first; given up, it falls under the rule of first sight: no old history later."""
    desk.watch("1", "2")
    desk.serve({"1": OPEN, "2": Upstream("500")})
    for failures in range(2, QUARANTINE_AFTER + 1):
        assert not desk.ledger.has_baseline("prod"), failures
        desk.now += 400
        desk.serve({"1": OPEN, "2": Upstream("500")})
    assert desk.ledger.has_baseline("prod")
    assert desk.state().watched == {WatchedState.OPEN: 1, WatchedState.QUARANTINED: 1}

    desk.now += 3600
    desk.serve({"1": OPEN, "2": OLD})

    assert desk.records() == {"CREATE": 1}
    assert desk.state().watched == {WatchedState.OPEN: 1}


def test_a_source_that_is_down_has_no_baseline(desk: Desk) -> None:
    """While nothing answers, no alert is given up, and nothing of the history is lost."""
    desk.watch("1", "2")
    for _ in range(20):
        desk.serve({"1": Upstream("502"), "2": Upstream("502")})
        desk.now += 400
    assert not desk.ledger.has_baseline("prod")

    desk.serve({"1": OLD, "2": OLD})
    assert desk.records() == {"CREATE": 2, "ACK": 2, "RECOVER": 2}


@pytest.mark.parametrize("refusal", [BadRequest("404"), NotAllowed("auth"), Unreachable("refused")])
def test_a_wrong_config_has_no_baseline(refusal: BadRequest | NotAllowed | Unreachable, desk: Desk) -> None:
    """A path, a secret or an address that is wrong for all alerts blames none of them."""
    desk.watch("1", "2")
    for _ in range(20):
        desk.serve({"1": refusal, "2": refusal})
        desk.now += 4000

    assert not desk.ledger.has_baseline("prod")
    assert desk.state().trouble


def test_an_alert_that_left_unread_during_the_baseline_brings_no_history_later(desk: Desk) -> None:
    """Back after the baseline, its old records are noted, not counted."""
    desk.watch("1", "2")
    desk.watch("1")
    desk.serve({"1": OPEN, "2": OPEN})
    assert desk.ledger.has_baseline("prod")

    desk.now += 5 * DAY
    desk.watch("1", "2")
    desk.serve({"1": OPEN, "2": OLD})

    assert desk.records() == {"CREATE": 1}


def test_an_alert_that_comes_back_while_it_is_asked_about_still_belongs_to_the_baseline(desk: Desk) -> None:
    """Leaving and joining again in the middle of a question changes nothing."""
    desk.watch("1")
    desk.asked()
    desk.watch()
    desk.watch("1")
    desk.cycle()
    assert not desk.ledger.has_baseline("prod")

    desk.answer("1", OLD)
    desk.cycle()

    assert desk.ledger.has_baseline("prod")
    assert desk.records() == {"CREATE": 1, "ACK": 1, "RECOVER": 1}


def test_later_an_old_alert_is_noted_not_counted(desk: Desk) -> None:
    """An id that is added after the baseline brings only what happened within the window."""
    desk.watch()
    desk.cycle()
    desk.watch("1", "2")

    desk.serve({"1": OLD, "2": log(("CREATE", BORN - DAY), ("ACK", BORN - 1800))})

    assert desk.records() == {"ACK": 1}


def test_nothing_is_lost_over_a_down_time(desk: Desk) -> None:
    """After three hours of silence, what a new alert did in them counts."""
    desk.watch("1")
    desk.serve({"1": OPEN})

    again = desk.restart(BORN + 3 * 3600)
    again.watch("1", "2")
    again.serve({"1": OPEN, "2": log(("CREATE", BORN - 10), ("ACK", BORN + 10), ("RECOVER", BORN + 7200))})

    assert again.records() == {"CREATE": 1, "ACK": 1, "RECOVER": 1}
    again.close()


def test_what_counts_is_fixed_at_first_sight(desk: Desk) -> None:
    """An alert that cannot be read for hours loses nothing of what happened since it was first seen."""
    desk.watch("1")
    desk.serve({"1": OPEN})
    desk.watch("1", "2")
    for _ in range(8):
        desk.serve({"1": OPEN, "2": Upstream("500")})
        desk.now += 1800

    desk.now += 3600
    desk.serve({"1": OPEN, "2": log(("CREATE", BORN - 1800), ("ACK", BORN + 60))})

    assert desk.records()["ACK"] == 1
    assert desk.records()["CREATE"] == 2


def test_an_open_alert_is_asked_at_its_interval_and_a_resting_one_never(desk: Desk) -> None:
    """Thirty seconds while open, once more when it settled, then no more; nor after a restart."""
    desk.watch("1")
    desk.serve({"1": OPEN})
    asked_at = []
    for _ in range(100):
        desk.now += 1
        for alert_id in desk.asked():
            asked_at.append(desk.now - BORN)
            desk.answer(alert_id, log(("CREATE", BORN - 60), ("RECOVER", BORN + 25)))

    assert asked_at == [30, 35]
    assert desk.state().watched == {}
    again = desk.restart(desk.now)
    again.watch("1")
    assert again.asked() == []
    again.close()


def test_an_alert_that_leaves_the_watch_is_asked_no_more_and_counted_once(desk: Desk) -> None:
    """Back in the watch, it goes on where it was."""
    desk.watch("1")
    desk.serve({"1": OPEN})
    desk.watch()
    desk.now += 60
    assert desk.asked() == []
    assert desk.poller.watched == frozenset()

    desk.watch("1")
    desk.serve({"1": log(("CREATE", BORN - 60), ("ACK", BORN + 30))})

    assert desk.records() == {"CREATE": 1, "ACK": 1}


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
