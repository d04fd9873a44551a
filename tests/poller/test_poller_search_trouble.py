"""Searches that fail: how rarely they are repeated, that the others go on, and that nothing is missed afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.blueking import BadRequest, BlueKingError, NoSuchAlert, Page, TimedOut, Unreadable, Upstream
from exporter.config import PollSettings
from exporter.flow.observations import Total
from exporter.flow.records import Log
from exporter.flow.sightings import Outcome, Sighting
from exporter.metrics.moment import WatchedState
from exporter.poller.workers import Question
from tests.poller.desk import BORN, POLL, Desk, log

WATCHES = "[{search: {bk_biz_ids: [2]}}, {search: {bk_biz_ids: [3]}}]"
WRONG = BadRequest("search_alert: 3300002 query_string is wrong")
TROUBLE = (Upstream("500"), TimedOut("slow"), Unreadable("HTML"))


class Searches:
    """Answers the searches of two businesses, and remembers when each was made and from when on it asked."""

    def __init__(self) -> None:
        self.refusals: dict[int, BlueKingError] = {}
        self.alerts: dict[int, list[Sighting]] = {2: [], 3: []}
        self.made: dict[int, list[float]] = {2: [], 3: []}
        self.starts: dict[int, list[float]] = {2: [], 3: []}

    def answer(self, desk: Desk) -> None:
        """Answer all that is asked now, logs with a creation."""
        while questions := list(desk.questions()):
            for question in questions:
                if question.query is None:
                    desk.answer(question.key, log(("CREATE", BORN - 60)))
                    continue
                (business,) = question.query.bk_biz_ids
                self.made[business].append(desk.now - BORN)
                self.starts[business].append(question.query.start - BORN)
                found = tuple(self.alerts[business])
                desk.answer(question.key, self.refusals.get(business) or Page(found, len(found)))

    def pass_time(self, desk: Desk, seconds: int) -> None:
        """Let time pass, a second at a time."""
        for _ in range(seconds):
            self.answer(desk)
            desk.cycle()
            desk.now += 1


@pytest.fixture
def searches() -> Searches:
    """Give a server that finds nothing."""
    return Searches()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with two search watches, without jitter."""
    made = Desk(tmp_path, BORN, watch=WATCHES)
    made.poller.select(made.now)
    yield made
    made.close()


def test_a_wrong_search_is_hardly_repeated_and_the_other_goes_on(desk: Desk, searches: Searches) -> None:
    """The wait doubles to an hour; the other watch is searched at each interval all the while."""
    searches.refusals[2] = WRONG
    searches.pass_time(desk, 4 * 3600)

    assert searches.made[2] == [0, 30, 90, 210, 450, 930, 1890, 3810, 7410, 11010]
    assert searches.made[3] == list(range(0, 4 * 3600, 30))


@pytest.mark.parametrize("error", TROUBLE)
@pytest.mark.parametrize("business", [2, 3])
def test_a_search_in_trouble_backs_off_to_five_minutes(
    error: BlueKingError, business: int, desk: Desk, searches: Searches
) -> None:
    """Whichever of them it is; the other one is as punctual as ever."""
    searches.refusals[business] = error
    searches.pass_time(desk, 1800)

    assert searches.made[business] == [0, 30, 90, 210, 450, 750, 1050, 1350, 1650]
    assert searches.made[5 - business] == list(range(0, 1800, 30))


def test_a_search_that_works_again_is_made_at_each_interval(desk: Desk, searches: Searches) -> None:
    """One good round and the row is over: the next failure waits as long as the first one."""
    searches.refusals[2] = WRONG
    searches.pass_time(desk, 400)
    searches.refusals.clear()
    searches.pass_time(desk, 200)
    assert desk.state().up
    assert searches.made[2][-6:] == [210, 450, 480, 510, 540, 570]

    searches.refusals[2] = WRONG
    searches.pass_time(desk, 120)
    assert searches.made[2][-3:] == [600, 630, 690]


def test_nothing_is_missed_by_a_search_that_was_left_alone(desk: Desk, searches: Searches) -> None:
    """It asks for all since its last good round, however often it failed since."""
    searches.pass_time(desk, 61)
    searches.refusals[2] = WRONG
    searches.pass_time(desk, 1000)
    searches.alerts[2] = [Sighting("7", created_at=BORN + 100)]
    searches.refusals.clear()
    searches.pass_time(desk, 1000)

    asked_again = next(i for i, made in enumerate(searches.made[2]) if made > 1061)
    assert searches.starts[2][3 : asked_again + 1] == [60 - 120] * (asked_again - 2)
    assert ("prod", "7") in desk.poller.watched


def test_where_every_search_waits_the_next_one_is_made_when_its_time_comes(desk: Desk, searches: Searches) -> None:
    """A cycle then begins with the watch that may be tried first, and holds no other."""
    searches.refusals = {2: WRONG, 3: Upstream("500")}
    searches.pass_time(desk, 2000)

    assert searches.made[2] == [0, 30, 90, 210, 450, 930, 1890]
    assert searches.made[3] == [0, 30, 90, 210, 450, 750, 1050, 1350, 1650, 1950]


def test_a_search_that_fails_holds_up_readiness_no_longer_than_its_first_try(desk: Desk, searches: Searches) -> None:
    """Having failed it said so, and goes on saying so while it is left alone."""
    searches.refusals[2] = WRONG
    searches.pass_time(desk, 1)
    ready = desk.state().cycled
    searches.pass_time(desk, 700)

    state = desk.state()
    assert (ready, state.cycled, state.up, state.trouble) == (True, True, False, f"watch (bk_biz_ids 2): {WRONG}")


@pytest.mark.parametrize("is_mid_cycle", [False, True])
def test_a_clock_that_is_set_back_does_not_stop_searches(is_mid_cycle: bool, desk: Desk, searches: Searches) -> None:
    """What waits, waits as long as before, and cycles go on at their interval."""
    searches.refusals[2] = WRONG
    searches.pass_time(desk, 480)  # the next try is at 930
    questions = list(desk.questions()) if is_mid_cycle else []
    desk.now -= 7200
    desk.poller.clock_set_back(7200)
    for question in questions:
        desk.answer(question.key, Page((), 0))
    searches.made = {2: [], 3: []}
    searches.pass_time(desk, 600)

    again = 480 - 7200
    assert searches.made[2] == [930 - 7200]
    assert searches.made[3] == list(range(again + (30 if is_mid_cycle else 0), again + 600, 30))


def lost(alert_id: str, **more: object) -> Sighting:
    """Return what a search tells of an alert whose log cannot be read."""
    return Sighting(alert_id, created_at=BORN - 60, **more)  # type: ignore[arg-type] # by name


class Poisoned:
    """Two alerts of a search: the log of the first can never be read, or not after `reads` of it; the other's can."""

    def __init__(self, desk: Desk, error: BlueKingError, reads: int = 0) -> None:
        self.desk = desk
        self.error = error
        self.reads = reads
        self.asked: list[float] = []
        self.sightings = [lost("1"), lost("2")]

    def answer(self, question: Question) -> Page | Log | BlueKingError:
        """Answer a question."""
        if question.query is not None:
            return Page(tuple(self.sightings), len(self.sightings))
        if question.key == "2":
            return log(("CREATE", BORN - 60))
        self.asked.append(self.desk.now)
        return log(("CREATE", BORN - 60)) if len(self.asked) <= self.reads else self.error

    def pass_time(self, seconds: int, step: int = 60) -> None:
        """Let time pass in steps."""
        for _ in range(0, seconds, step):
            while questions := list(self.desk.questions()):
                for question in questions:
                    self.desk.answer(question.key, self.answer(question))
            self.desk.cycle()
            self.desk.now += step

    def ended(self) -> list[tuple[str, str]]:
        """Return outcome and acknowledgement of each end that was counted."""
        series = [dict(s.labels) for s in self.desk.ledger.view().totals if s.total is Total.ALERTS_ENDED]
        return [(labels["outcome"], labels["acked"]) for labels in series]


@pytest.fixture
def short_lived(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk whose patience ends after two hours, and which searches."""
    poll = PollSettings(**{**POLL.model_dump(), "max_age": 7200.0, "refresh": 60.0})
    made = Desk(tmp_path, BORN, watch="[{search: {bk_biz_ids: [2]}}]", poll=poll)
    made.poller.select(made.now)
    yield made
    made.close()


@pytest.mark.parametrize(("error", "state"), [(Upstream("500"), "quarantined"), (NoSuchAlert("3324002"), "missing")])
def test_an_alert_that_was_never_read_rests_at_last_with_what_the_search_told(
    error: BlueKingError, state: str, short_lived: Desk
) -> None:
    """It holds up no baseline, is asked ever more rarely, and from max_age on no more; its end counts once."""
    poisoned = Poisoned(short_lived, error)
    poisoned.pass_time(3000)
    assert short_lived.ledger.has_baseline("prod")
    assert short_lived.state().watched[WatchedState(state)] == 1
    poisoned.sightings[0] = lost("1", is_acked=True, outcome=Outcome.RECOVERED, ended_at=BORN + 3000)
    poisoned.pass_time(3600)
    assert (poisoned.ended(), ("prod", "1") in short_lived.poller.watched) == ([], True)

    poisoned.pass_time(3 * 3600)
    asked = len(poisoned.asked)
    poisoned.pass_time(3 * 3600)

    assert poisoned.ended() == [("recovered", "true")]
    assert ("prod", "1") not in short_lived.poller.watched
    assert len(poisoned.asked) == asked
    again = short_lived.restart(short_lived.now)
    again.poller.select(again.now)
    assert ("prod", "1") not in again.poller.watched
    again.close()


def test_an_open_alert_that_was_never_read_stays_watched_while_a_search_returns_it(short_lived: Desk) -> None:
    """Patience ends, but it has not; what it did counts when its log can be read after all."""
    poisoned = Poisoned(short_lived, Upstream("500"))
    poisoned.pass_time(6 * 3600)
    assert (poisoned.ended(), short_lived.state().watched[WatchedState.QUARANTINED]) == ([], 1)

    poisoned.reads = 10**9
    poisoned.pass_time(3600)
    assert short_lived.state().watched == {WatchedState.OPEN: 2}


def test_an_alert_that_ended_is_not_open_though_its_log_cannot_be_read_any_more(short_lived: Desk) -> None:
    """The search's word takes it out of the open ones at once; its log is still asked for until patience ends."""
    poisoned = Poisoned(short_lived, Upstream("500"), reads=1)
    poisoned.pass_time(600)
    poisoned.sightings[0] = lost("1", outcome=Outcome.CLOSED, ended_at=BORN + 600)
    poisoned.pass_time(3600)
    known = short_lived.ledger.get("prod", "1")
    assert known is not None
    assert (known.is_open, poisoned.ended()) == (False, [])

    poisoned.pass_time(3 * 3600)
    assert poisoned.ended() == [("closed", "false")]


def test_two_watches_that_search_for_the_same_complete_the_baseline(tmp_path: Path, searches: Searches) -> None:
    """A watch that stands twice in the config is found complete as one."""
    desk = Desk(tmp_path, BORN, watch="[{search: {bk_biz_ids: [2]}}, {search: {bk_biz_ids: [2]}}]")
    desk.poller.select(desk.now)
    searches.pass_time(desk, 2)

    assert desk.ledger.has_baseline("prod")
    desk.close()


def test_a_clock_that_is_set_back_leaves_no_search_that_ends_before_it_begins(desk: Desk, searches: Searches) -> None:
    """The last good round lies in the future then; what is asked for goes back from now."""
    searches.pass_time(desk, 61)
    desk.now -= 3600
    desk.poller.clock_set_back(3600)
    searches.pass_time(desk, 60)

    first, _ = searches.made[2][-2:]
    assert searches.starts[2][-2:] == [first - 120, first - 120]


def test_an_answer_that_flickers_does_not_undo_a_quarantine(short_lived: Desk) -> None:
    """An alert that a search finds every other time, and whose log fails, is asked as rarely as any that fails."""
    poisoned = Poisoned(short_lived, Upstream("500"))
    both = list(poisoned.sightings)
    for minute in range(120):
        poisoned.sightings = [] if minute % 2 else both
        poisoned.pass_time(60)

    assert len(poisoned.asked) < 15
