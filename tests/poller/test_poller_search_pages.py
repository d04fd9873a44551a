"""A round of several pages: what each of them tells is committed at once, what the whole round tells at its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.blueking import BlueKingError, Page, TooFast, Upstream
from exporter.config import RateLimitSettings
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Transaction
from exporter.poller.workers import Answer
from exporter.watch.search import PAGE_SIZE
from tests.poller.desk import BORN, Desk, log

ONE = "[{search: {bk_biz_ids: [2]}}]"
TWO = "[{search: {bk_biz_ids: [2]}, labels: {team: a}}, {search: {bk_biz_ids: [3]}, labels: {team: b}}]"
TOTAL = 2 * PAGE_SIZE
"""Announced by every page, so that a round has two of them, however few alerts they show."""


def page(*alert_ids: str, **more: object) -> Page:
    """Return one of two pages with these alerts."""
    found = (Sighting(alert_id, created_at=BORN - 60, **more) for alert_id in alert_ids)  # type: ignore[arg-type] # by name
    return Page(tuple(found), TOTAL)


def make_desk(folder: Path, watch: str) -> Desk:
    """Return a desk that watches by search."""
    made = Desk(folder, BORN, watch=watch)
    made.poller.select(made.now)
    return made


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with one search."""
    made = make_desk(tmp_path, ONE)
    yield made
    made.close()


def answer(desk: Desk, told: Page | BlueKingError) -> list[str]:
    """Answer the page that is asked for now, and the logs; return the alerts whose logs were asked for."""
    asked = [question.key for question in desk.questions()]
    (search,) = (key for key in asked if key.startswith(" "))
    for key in asked:
        desk.answer(key, told if key == search else log(("CREATE", BORN - 60)))
    return sorted(set(asked) - {search})


def cycle(desk: Desk, *pages: Page) -> None:
    """Have a cycle of these pages an interval later, every log of it read."""
    desk.now += 30
    for told in pages:
        answer(desk, told)
    for alert_id in desk.asked():
        desk.answer(alert_id, log(("CREATE", BORN - 60)))
    desk.cycle()


def test_what_a_page_shows_is_watched_and_read_before_the_round_is_over(desk: Desk) -> None:
    """Only the baseline, and with it the good cycle, waits for the last page."""
    answer(desk, page("1"))
    assert desk.poller.watched == {("prod", "1")}
    assert answer(desk, page("2")) == ["1"]
    assert desk.records() == {"CREATE": 1}
    desk.cycle()
    assert not desk.ledger.has_baseline("prod")

    assert desk.asked() == ["2"]
    desk.answer("2", log(("CREATE", BORN - 60)))
    desk.cycle()
    assert desk.ledger.has_baseline("prod")


def test_a_round_that_breaks_off_keeps_what_it_found_and_is_no_good_one(desk: Desk) -> None:
    """The next one asks from the first page on, for all since the last good one; nothing counts twice."""
    cycle(desk, page("1"), page("2"))
    desk.now += 30
    (search,) = desk.questions()
    desk.answer(search.key, page("3"))
    answer(desk, Upstream("500"))
    assert desk.poller.watched == {("prod", "1"), ("prod", "2"), ("prod", "3")}
    desk.now += 30

    (again,) = desk.questions()
    assert search.query is not None
    assert again.query is not None
    assert (again.query.page, again.query.start) == (1, search.query.start)
    desk.answer(again.key, page("3"))
    answer(desk, page("1", "2"))
    desk.cycle()
    assert desk.records() == {"CREATE": 3}
    assert desk.state().up


def test_a_page_that_could_not_be_committed_is_asked_for_again_with_all_its_round(desk: Desk) -> None:
    """What the ledger refused is told again, and what it took before is not counted twice."""
    answer(desk, page("1"))
    asked = list(desk.questions())
    for question in asked:
        refused = Answer("prod", question.key, desk.now, page("2") if question.query else log(("CREATE", BORN - 60)))
        desk.poller.answered()
        desk.poller.take(refused, Transaction(), desk.now)
        desk.poller.postpone(refused, desk.now)
    assert desk.poller.watched == {("prod", "1")}
    assert desk.records() == {}

    cycle(desk, page("1"), page("2"))
    assert desk.records() == {"CREATE": 2}
    assert desk.poller.watched == {("prod", "1"), ("prod", "2")}


def test_an_alert_on_two_pages_counts_as_it_was_updated_last(desk: Desk) -> None:
    """Whichever page comes first: an older word takes nothing back, a newer one is heard."""
    cycle(desk, page("1", "2", updated_at=5.0), page("3"))
    desk.now += 30
    ended = {"outcome": Outcome.RECOVERED, "ended_at": desk.now}
    found = page("1", updated_at=7.0, **ended).sightings + page("2", updated_at=6.0).sightings
    answer(desk, Page(found, TOTAL))
    found = page("1", "3", updated_at=6.0).sightings + page("2", updated_at=7.0, **ended).sightings
    answer(desk, Page(found, TOTAL))

    known = desk.ledger.find("prod", ["1", "2"]).values()
    assert [k.sighting.outcome for k in known if k.sighting is not None] == [Outcome.RECOVERED] * 2
    desk.now += 10  # settle
    assert desk.asked() == ["1", "2"]


def test_an_alert_vanishes_only_with_the_last_page(desk: Desk) -> None:
    """As long as pages are to come it may be on one of them; then it is read once more, and once only."""
    cycle(desk, page("1"), page("2"))
    desk.now += 30
    assert answer(desk, page("2")) == []
    assert answer(desk, page("1")) == []
    assert desk.asked() == []

    desk.now += 30
    assert answer(desk, page("2")) == []
    assert answer(desk, page("3")) == []
    assert desk.asked() == ["1", "3"]
    for alert_id in ("1", "3"):
        desk.answer(alert_id, log(("CREATE", BORN - 60)))
    cycle(desk, page("2"), page("3"))
    desk.now += 30
    assert desk.asked() == [" search"]


def test_an_alert_that_vanished_and_shows_again_may_vanish_once_more(desk: Desk) -> None:
    """It is read anew each time, also where it shows on a page that is not the last one."""
    cycle(desk, page("1"), page("2"))
    cycle(desk, page("2"), page("3"))
    cycle(desk, page("1"), page("2"))
    desk.now += 30
    answer(desk, page("2"))
    answer(desk, page("3"))

    assert desk.asked() == ["1"]


def test_the_pages_of_a_round_go_before_the_logs_of_what_they_found(tmp_path: Path) -> None:
    """A long queue of logs would stretch a round over minutes, while what it pages through moves on."""
    slow = RateLimitSettings(requests_per_second=1.0, burst=1, concurrency=1)
    desk = Desk(tmp_path, BORN, slow, ONE)
    desk.poller.select(desk.now)
    asked = []
    for told in (page("1", "2", "3"), page("4")):
        (question,) = desk.questions()
        asked.append(question.key)
        desk.answer(question.key, told)
        desk.now += 1

    assert asked == [" search", " search"]
    assert desk.asked() == ["1"]
    desk.close()


def test_a_page_that_is_refused_again_and_again_lets_the_logs_go_first(tmp_path: Path) -> None:
    """It had its turn: what the source refuses must not hold up what it answers."""
    desk = make_desk(tmp_path, ONE)
    answer(desk, page("1"))
    asked = []
    for _ in range(3):
        question = next(iter(desk.questions()))
        asked.append(question.key)
        told = TooFast("429", retry_after=5.0) if question.query is not None else log(("CREATE", BORN - 60))
        desk.answer(question.key, told)
        desk.now += 5

    assert asked == [" search", "1", " search"]
    desk.close()


def test_the_first_of_two_watches_keeps_what_both_find_on_any_page(tmp_path: Path) -> None:
    """Also where the second one finds it on its first page, and the first one on its last."""
    desk = make_desk(tmp_path, TWO)
    for told in (page("1"), page("2"), page("2"), page("3")):
        answer(desk, told)

    teams = {known.alert_id: dict(known.labels)["team"] for known in desk.ledger.unrested("prod")}
    assert teams == {"1": "a", "2": "a", "3": "b"}
    desk.close()


def test_an_unchanged_alert_is_the_same_object_after_a_cycle(desk: Desk) -> None:
    """Nothing of it is committed, and whoever compares need not look inside; nor is who is watched told anew."""
    cycle(desk, page("1", updated_at=1.0), page("2", updated_at=1.0))
    before, watched, version = desk.ledger.find("prod", ["1", "2"]), desk.poller.watched, desk.ledger.version
    desk.now += 30
    for told in (page("1", updated_at=2.0), page("2", updated_at=2.0)):
        answer(desk, told)
        assert desk.poller.watched is watched

    after = desk.ledger.find("prod", ["1", "2"])
    assert all(after[alert_id] is known for alert_id, known in before.items())
    assert desk.ledger.version == version + 1  # the good cycle
