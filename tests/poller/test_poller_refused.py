"""One question that is refused again and again delays no other beyond its own slot."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.blueking import BlueKingError, NotAllowed, Page, TooFast, Unreachable
from exporter.config import RateLimitSettings
from exporter.flow.records import Log
from exporter.flow.sightings import Sighting
from exporter.poller.workers import Question
from tests.poller.desk import BORN, Desk, log

LIMITS = RateLimitSettings(requests_per_second=10.0, burst=20, concurrency=4)
OPEN = log(("CREATE", BORN - 60))
FILES_AND_SEARCH = "[{files: [watch.yaml]}, {search: {bk_biz_ids: [2]}}]"
SEARCH = "[{search: {bk_biz_ids: [2]}}]"
ERRORS = [NotAllowed("no permission for this business"), Unreachable("reset"), TooFast("429")]
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.reason)

Told = Log | Page | BlueKingError


def an_hour(desk: Desk, tell: Callable[[Question], Told]) -> tuple[Counter[str], Counter[str]]:
    """Answer an hour of questions, a look each second; return how often each key was told, and how often refused."""
    told: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for _ in range(3600):
        while questions := list(desk.questions()):
            for question in questions:
                answer = tell(question)
                (refused if isinstance(answer, BlueKingError) else told)[question.key] += 1
                desk.answer(question.key, answer)
        desk.cycle()
        desk.now += 1
    return told, refused


@each_error
def test_an_alert_that_is_refused_delays_no_other(tmp_path: Path, error: BlueKingError) -> None:
    """The others are read on, and the refused one is not hammered; a rate limit is the source's, and slows all."""
    desk = Desk(tmp_path, BORN, LIMITS)
    desk.watch(*"1234567")
    told, refused = an_hour(desk, lambda question: error if question.key == "4" else OPEN)
    desk.close()

    assert min(told[alert_id] for alert_id in "123567") > 50
    assert refused["4"] <= (450 if isinstance(error, TooFast) else 20)


@each_error
def test_a_search_that_is_refused_delays_no_log(tmp_path: Path, error: BlueKingError) -> None:
    """Alerts that are watched by their ids need no search."""
    desk = Desk(tmp_path, BORN, LIMITS, FILES_AND_SEARCH)
    desk.watch(*"1234567")
    told, refused = an_hour(desk, lambda question: error if question.query else OPEN)
    desk.close()

    assert min(told[alert_id] for alert_id in "1234567") > 50
    assert refused.total() <= (450 if isinstance(error, TooFast) else 20)


@each_error
def test_logs_that_are_refused_delay_no_search(tmp_path: Path, error: BlueKingError) -> None:
    """Each probe of a pause begins with the search, which was let in; the pauses grow all the same."""
    desk = Desk(tmp_path, BORN, LIMITS, SEARCH)
    desk.poller.select(desk.now)
    page = Page(tuple(Sighting(str(number), created_at=BORN) for number in range(20)), 20)
    told, refused = an_hour(desk, lambda question: page if question.query else error)
    desk.close()

    assert told[" search"] >= 6
    assert refused.total() <= 40


def test_what_is_refused_stays_overdue(tmp_path: Path) -> None:
    """Its turn comes after the others', but it is as late as it is."""
    desk = Desk(tmp_path, BORN, LIMITS)
    desk.watch("1")
    an_hour(desk, lambda _: NotAllowed("who are you?"))
    overdue = desk.state().overdue
    desk.close()

    assert overdue == pytest.approx(3600, abs=5)
