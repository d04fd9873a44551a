"""Joining in parts: many alerts that a file selects join by and by, and to the poller it is as if they came at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exporter.blueking import Page
from exporter.config import RateLimitSettings
from exporter.flow.sightings import Sighting
from exporter.ledger import LedgerError
from tests.poller.desk import BORN, Desk, log
from tests.watching import write_watch_file

LIMITS = RateLimitSettings(requests_per_second=10_000.0, burst=10_000, concurrency=256)
MANY = [str(number) for number in range(1, 601)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk that watches a file of many alerts, and searches."""
    write_watch_file(tmp_path, *MANY)
    watch = "[{files: [watch.yaml], labels: {team: file}}, {search: {bk_biz_ids: [2]}, labels: {team: search}}]"
    made = Desk(tmp_path, BORN, LIMITS, watch)
    yield made
    made.close()


def join_all(desk: Desk) -> int:
    """Have all of them join; return in how many parts they did."""
    parts = 1
    desk.poller.select(desk.now)
    while desk.poller.is_joining:
        desk.poller.join(desk.now)
        parts += 1
    return parts


def read_all(desk: Desk) -> None:
    """Answer whatever is asked, searches with nothing."""
    while questions := list(desk.questions()):
        for question in questions:
            told = log(("CREATE", BORN - 60)) if question.query is None else Page((), 0)
            desk.answer(question.key, told)


def test_many_alerts_join_in_parts(desk: Desk) -> None:
    """Each part is asked about at once; searches, and the end of the first cycle, wait for the last one."""
    desk.poller.select(desk.now)
    first = set(desk.asked())
    assert 0 < len(first) < len(MANY)
    for alert_id in first:
        desk.answer(alert_id, log(("CREATE", BORN - 60)))
    desk.cycle()
    assert (desk.poller.has_selected, desk.ledger.has_baseline("prod")) == (False, False)

    join_all(desk)
    assert desk.poller.watched == {("prod", alert_id) for alert_id in MANY}
    assert desk.poller.has_selected
    read_all(desk)
    desk.cycle()
    assert desk.ledger.has_baseline("prod")
    assert desk.records() == {"CREATE": len(MANY)}


def test_no_cycle_is_good_before_all_have_joined(desk: Desk) -> None:
    """Those who wait were not asked about, and their history counts from the last good cycle on."""
    join_all(desk)
    read_all(desk)
    desk.cycle()
    before = desk.ledger.last_good_cycle_at("prod", desk.watch_name)
    write_watch_file(desk.folder, *MANY, *(f"9{number}" for number in MANY))
    desk.now += 60
    desk.poller.select(desk.now)
    read_all(desk)
    desk.cycle()
    assert desk.ledger.last_good_cycle_at("prod", desk.watch_name) == before

    join_all(desk)
    read_all(desk)
    desk.cycle()
    assert desk.ledger.last_good_cycle_at("prod", desk.watch_name) == desk.now


def test_a_search_leaves_those_who_are_about_to_join_to_the_file(desk: Desk) -> None:
    """Their labels are those of the file, whoever tells of them first."""
    write_watch_file(desk.folder)
    join_all(desk)
    (question,) = desk.questions()
    write_watch_file(desk.folder, *MANY)
    desk.poller.select(desk.now)
    desk.answer(question.key, Page((Sighting(MANY[-1], created_at=BORN), Sighting("77777", created_at=BORN)), 2))
    join_all(desk)

    known = desk.ledger.find("prod", [MANY[-1], "77777"])
    assert {alert_id: dict(k.labels)["team"] for alert_id, k in known.items()} == {MANY[-1]: "file", "77777": "search"}


def test_a_file_that_changes_meanwhile_is_what_counts(desk: Desk) -> None:
    """Who is on the list no more does not join; who joined leaves, and who waits and stays on it joins."""
    desk.poller.select(desk.now)
    write_watch_file(desk.folder, *MANY[100:], "5000")
    join_all(desk)

    assert desk.poller.watched == {("prod", alert_id) for alert_id in [*MANY[100:], "5000"]}
    read_all(desk)
    assert desk.records() == {"CREATE": len(MANY) - 99}
    assert sum(desk.state().watched.values()) == len(MANY) - 99


def test_a_ledger_that_refuses_a_part_is_asked_again(desk: Desk) -> None:
    """None of that part joins; the next try goes on where this one stopped."""
    desk.poller.select(desk.now)
    joined = desk.poller.watched
    with closing(sqlite3.connect(desk.folder / "flow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError):
            desk.poller.join(desk.now)
        other.execute("ROLLBACK")
    assert desk.poller.watched is joined

    join_all(desk)
    assert desk.poller.watched == {("prod", alert_id) for alert_id in MANY}
