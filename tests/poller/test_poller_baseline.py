"""What counts: the baseline, first sight, and what happens over a down-time."""

import pytest

from exporter.blueking import BadRequest, NotAllowed, Unreachable, Upstream
from exporter.metrics.moment import WatchedState
from exporter.poller.schedule import QUARANTINE_AFTER
from tests.poller.desk import BORN, Desk, log

DAY = 86_400.0
OLD = log(("CREATE", BORN - DAY), ("ACK", BORN - DAY + 60), ("RECOVER", BORN - DAY + 600))
OPEN = log(("CREATE", BORN - 60))


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
    due_at = desk.ledger.last_good_cycle_at("prod", desk.watch_name)
    assert due_at is not None
    assert desk.now - 600 <= due_at <= desk.now - 567


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


def test_what_was_forgotten_is_not_counted_again(desk: Desk) -> None:
    """After a down-time that is longer than alerts are remembered, what is older than that is history."""
    life = log(("CREATE", BORN - 10), ("RECOVER", BORN + 20))
    desk.watch("1")
    desk.serve({"1": OPEN})
    desk.now += 60
    assert desk.asked() == ["1"]
    desk.answer("1", life)
    with desk.ledger.transaction() as tx:
        tx.forget({("prod", "1")})

    again = desk.restart(BORN + 3 * 3600)
    again.ledger.adopt_retention(7200.0)
    again.watch("1")
    again.serve({"1": life})

    assert again.records() == {"CREATE": 1, "RECOVER": 1}
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
