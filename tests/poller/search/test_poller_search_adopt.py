"""Other settings for a source that is searched: which searches go on, and what becomes of the answers under way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.blueking import NotAllowed, Page
from exporter.flow.sightings import Sighting
from tests.poller.desk import BORN, Desk, log

HOUR = 3600.0
OPEN = log(("CREATE", BORN - 60))
TWO = "[{search: {bk_biz_ids: [2]}, labels: {team: a}}, {search: {bk_biz_ids: [3]}, labels: {team: b}}]"
ONE = "[{search: {bk_biz_ids: [2]}, labels: {team: a}}]"


@pytest.fixture
def searching(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk that found one alert by each of two searches, past its baseline."""
    desk = Desk(tmp_path, BORN, watch=TWO)
    desk.poller.select(desk.now)
    answer_all(desk)
    desk.cycle()
    yield desk
    desk.close()


def answer_all(desk: Desk) -> list[str]:
    """Answer whatever is asked now: business 2 has the alert `2`, and so on; return what was asked for."""
    asked = []
    while questions := list(desk.questions()):
        for question in questions:
            asked.append(question.key)
            businesses = [] if question.query is None else [str(n) for n in question.query.bk_biz_ids]
            found = tuple(Sighting(n, {}, created_at=BORN - 60) for n in businesses)
            desk.answer(question.key, OPEN if question.query is None else Page(found, len(found)))
    return asked


def test_a_removed_search_leaves_its_alerts_alone(searching: Desk) -> None:
    """The other search, and what it found, goes on; put back, it finds its alerts again, and counts nothing twice."""
    assert searching.poller.watched == {("prod", "2"), ("prod", "3")}
    counted = searching.records()

    searching.adopt(ONE)
    assert searching.poller.watched == {("prod", "2")}
    assert answer_all(searching) == [" search"]
    searching.now += 2 * HOUR
    assert "3" not in answer_all(searching)

    searching.adopt(TWO)
    answer_all(searching)
    assert searching.poller.watched == {("prod", "2"), ("prod", "3")}
    assert searching.records() == counted


def test_without_any_search_left_none_is_made(searching: Desk) -> None:
    """Also where one is under way: its answer is taken as no news."""
    searching.now += 31
    (search,) = (question for question in searching.questions() if question.query is not None)

    searching.adopt("[{alerts: ['2']}]")
    searching.answer(search.key, Page((Sighting("7", {}, created_at=BORN),), 1))

    assert searching.poller.watched == {("prod", "2")}
    searching.now += 9 * HOUR
    assert " search" not in searching.asked()


@pytest.mark.parametrize("told", [Page((Sighting("7", {}, created_at=BORN),), 1), NotAllowed("no")])
def test_the_answer_to_a_page_of_before_is_no_answer_to_the_new_search(
    searching: Desk, told: Page | NotAllowed
) -> None:
    """What the old search found is no business of the new one, and neither is its failure."""
    searching.now += 31
    (search,) = (question for question in searching.questions() if question.query is not None)

    searching.adopt("[{search: {bk_biz_ids: [4]}}]")
    searching.answer(search.key, told)
    searching.now += HOUR
    answer_all(searching)

    assert searching.poller.watched == {("prod", "4")}


def test_a_source_that_had_its_first_cycle_stays_ready(searching: Desk) -> None:
    """A new search makes no newcomer of its source; but no cycle is good before that search was over."""
    assert searching.state().cycled

    searching.adopt("[{search: {bk_biz_ids: [4]}}]")

    assert searching.state().cycled
    assert searching.poller.ending_cycle(searching.now) is None


def test_a_search_under_another_label_has_nothing_read_that_is_not_due(searching: Desk) -> None:
    """It is another watch: its alerts leave, and are found again, but a change of a label is no news of theirs."""
    searching.now += 60
    answer_all(searching)

    searching.adopt(TWO.replace("team: b", "team: c"))
    asked = answer_all(searching)

    assert set(asked) == {" search"}
    assert searching.poller.watched == {("prod", "2"), ("prod", "3")}
    searching.now += 600
    assert {"2", "3"} <= set(answer_all(searching))


def test_a_restart_is_ready_when_all_that_was_due_was_asked(searching: Desk) -> None:
    """Alerts that need no look for the next ten minutes do not keep it waiting for as long."""
    searching.now += 60
    answer_all(searching)

    again = searching.restart(searching.now + 5)
    again.poller.select(again.now)
    assert not again.state().cycled
    assert set(answer_all(again)) == {" search"}

    assert again.state().cycled
    again.close()
