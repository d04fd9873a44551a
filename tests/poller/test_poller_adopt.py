"""Other settings for a source that is being polled: what stays as it is, who joins, who leaves, what is asked again."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.blueking import NotAllowed, TooFast
from exporter.flow.deadlines import NO_TARGETS, AckTarget, AckTargets
from exporter.flow.records import Log
from exporter.poller.workers import Answers, Question, Workers
from exporter.watch import Watches
from tests.poller.desk import BORN, LIMITS, POLL, Desk, log
from tests.watching import make_source

HOUR = 3600.0
OPEN = log(("CREATE", BORN - 60))


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk that watches two alerts by their ids, past its baseline."""
    desk = Desk(tmp_path, BORN, watch="[{alerts: ['1', '2']}]")
    desk.poller.select(desk.now)
    desk.serve({"1": OPEN, "2": OPEN})
    yield desk
    desk.close()


def test_who_stays_is_not_asked_before_its_time_and_who_joins_is(watching: Desk) -> None:
    """A third id in the list: only that one is asked about; the others keep the time that they had."""
    watching.adopt("[{alerts: ['1', '2', '3']}]")

    assert watching.asked() == ["3"]
    watching.answer("3", OPEN)
    watching.now += 33
    assert {"1", "2"} <= set(watching.asked())


def test_an_alert_that_a_changed_watch_selects_falls_under_the_first_seen_rule(watching: Desk) -> None:
    """Its old history is taken note of, not counted; what happened since the last good cycle counts."""
    watching.now += 2 * HOUR
    watching.serve({"1": OPEN, "2": OPEN})
    before = watching.records()

    watching.adopt("[{alerts: ['1', '2', '3']}]")
    watching.serve({"3": log(("CREATE", BORN - 9 * HOUR), ("ACTION", BORN - 8 * HOUR), ("ACK", watching.now - 60))})

    assert watching.records() - before == {"ACK": 1}


def test_a_removed_watch_ends_and_its_answers_under_way_still_count(watching: Desk) -> None:
    """Nobody asks about its alerts any more; what had been asked for is not thrown away."""
    watching.now += 33
    assert set(watching.asked()) == {"1", "2"}

    watching.adopt("[{alerts: ['1']}]")
    for alert_id in ("1", "2"):
        watching.answer(alert_id, log(("CREATE", BORN - 60), ("ACK", BORN + 1)))

    assert watching.records() == {"CREATE": 2, "ACK": 2}
    assert watching.poller.watched == {("prod", "1")}
    assert sum(watching.state().watched.values()) == 1
    watching.now += HOUR
    assert watching.asked() == ["1"]


def test_no_cycle_ends_before_the_new_watches_were_looked_at(watching: Desk) -> None:
    """Between the change and the next look, nothing may claim that all that is watched was asked."""
    watching.now += HOUR
    watching.poller.adopt(
        watches=Watches("prod", make_source(watching.folder, "[{alerts: ['9']}]").watch, []),
        searches=(),
        poll=POLL,
        targets=NO_TARGETS,
        limits=LIMITS,
        now=watching.now,
    )

    assert not watching.poller.has_selected
    assert watching.poller.ending_cycle(watching.now) is None


def test_a_shorter_interval_holds_at_once_and_a_longer_one_from_the_next_poll_on(watching: Desk) -> None:
    """Nobody waits out the old interval, and nobody is asked at once for all that."""
    watching.adopt(poll=POLL.model_copy(update={"interval": 5.0}), searching="[{alerts: ['1', '2']}]")
    assert watching.asked() == []
    watching.now += 6
    watching.serve({"1": OPEN, "2": OPEN})

    watching.adopt(poll=POLL.model_copy(update={"interval": 500.0}), searching="[{alerts: ['1', '2']}]")
    watching.now += 6
    assert set(watching.asked()) == {"1", "2"}


def test_a_lower_rate_holds_at_once(watching: Desk) -> None:
    """The limit of what may be under way, and that of the pace."""
    watching.now += 33

    watching.adopt(limits=LIMITS.model_copy(update={"concurrency": 1}), searching="[{alerts: ['1', '2']}]")

    assert len(watching.asked()) == 1


def test_new_targets_are_for_alerts_first_seen_from_now_on(watching: Desk) -> None:
    """An alert keeps the deadline that it was given."""
    targets = AckTargets([AckTarget({}, 300.0, 0.9)])

    watching.adopt("[{alerts: ['1', '3']}]", targets=targets)

    known = watching.ledger.find("prod", ["1", "3"])
    assert (known["1"].ack_target, known["3"].ack_target) == (None, 300.0)


@pytest.mark.parametrize("error", [TooFast("slow down", retry_after=100.0), NotAllowed("who are you?")])
def test_a_pause_outlives_other_settings(watching: Desk, error: TooFast | NotAllowed) -> None:
    """A source that is left alone is left alone, whatever else is configured."""
    watching.now += 33
    for alert_id in watching.asked():
        watching.answer(alert_id, error)

    watching.adopt("[{alerts: ['1', '2', '3']}]")
    watching.now += 50

    assert watching.asked() == []


def test_a_new_connection_ends_a_pause_for_trouble_but_not_one_that_the_source_asked_for(watching: Desk) -> None:
    """Other credentials are tried at once, by a single question; Retry-After is kept to."""
    for error, asked in ((NotAllowed("who are you?"), 1), (TooFast("slow down", retry_after=100.0), 0)):
        watching.now += 700
        for alert_id in watching.asked():
            watching.answer(alert_id, error)
        assert watching.asked() == []
        watching.now += 1

        watching.poller.reconnected(watching.now)

        again = watching.asked()
        assert len(again) == asked
        for alert_id in again:
            watching.answer(alert_id, OPEN)


def test_what_a_connection_that_ended_was_asked_is_asked_again(watching: Desk) -> None:
    """It is due as it was, in a free slot; but not the alert that left meanwhile."""
    watching.now += 33
    assert set(watching.asked()) == {"1", "2"}
    watching.adopt("[{alerts: ['1']}]")
    assert watching.poller.asking == 2

    watching.poller.reconnected(watching.now)

    assert watching.poller.asking == 0
    assert watching.asked() == ["1"]


def test_workers_that_are_dismissed_hand_on_no_answer() -> None:
    """What they are at still ends, and so do they, but nobody hears of it: another connection is asked the same."""
    answers: Answers = queue.SimpleQueue()
    asked, let_go = threading.Event(), threading.Event()

    def ask(_: Question) -> Log:
        asked.set()
        assert let_go.wait(10)
        return OPEN

    workers = Workers("dismissed", ask, 1, answers, lambda: BORN)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "dismissed-0")
    workers.submit(Question("1"))
    assert asked.wait(10)

    workers.dismiss()
    let_go.set()
    thread.join(10)

    assert not thread.is_alive()
    assert answers.empty()
