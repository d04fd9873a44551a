"""Watching by search: who is found, and when their logs are asked for."""

from pathlib import Path

import pytest

from exporter.blueking import BadRequest, BlueKingError, NotAllowed, Page, TooFast
from exporter.poller.workers import Answer
from tests.poller.desk import BORN, Desk, log
from tests.poller.searching import TWO, Server, labels_of, pass_time, seen


def test_what_is_found_is_read_and_counts(desk: Desk, server: Server) -> None:
    """The first cycle is the baseline: whole logs count, under the alert's own fields and the watch's labels."""
    server.alerts[2] = [seen("1"), seen("2")]

    assert sorted(pass_time(desk, server)) == ["1", "2"]
    assert desk.ledger.has_baseline("prod")
    assert desk.records() == {"CREATE": 2}
    assert labels_of(desk, "1") == {"source": "prod", "severity": "fatal", "team": "infra"}
    assert desk.poller.watched == {("prod", "1"), ("prod", "2")}


def test_the_first_cycle_is_over_when_who_was_found_was_asked_about(desk: Desk, server: Server) -> None:
    """Not before the search has told whom there is to ask about, and not before their logs were asked for."""
    server.alerts[2] = [seen("1"), seen("2")]
    cycled = [desk.state().cycled]
    while questions := list(desk.questions()):
        for question in questions:
            desk.answer(question.key, server.answer(question))
            cycled.append(desk.state().cycled)

    assert cycled == [False, False, False, True]


def test_while_nothing_changes_logs_are_asked_ever_more_rarely(desk: Desk, server: Server) -> None:
    """Ten minutes after the last read, then twenty, then forty, then once an hour; searches go on meanwhile."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server)
    at = []
    for minute in range(1, 60 * 5):
        at += [minute for _ in pass_time(desk, server, 60)]

    assert at == [10, 30, 70, 130, 190, 250]


def test_an_acknowledgement_is_read_at_once(desk: Desk, server: Server) -> None:
    """When the search says that somebody acknowledged, the log tells when."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 60)
    server.alerts[2] = [seen("1", is_acked=True)]
    server.logs["1"] = log(("CREATE", BORN - 60), ("ACK", desk.now))

    assert pass_time(desk, server, 31) == ["1"]
    assert desk.records()["ACK"] == 1
    assert pass_time(desk, server, 500) == []


@pytest.mark.parametrize("order", [("page", "log"), ("log", "page")])
def test_a_search_and_a_log_in_one_commit_build_on_each_other(
    order: tuple[str, str], desk: Desk, server: Server
) -> None:
    """Whichever answer comes first, the records count once, and what the search said is known."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server)
    desk.now += 3600
    (search, read) = sorted(desk.questions(), key=lambda question: question.key)
    server.alerts[2] = [seen("1", is_acked=True)]
    told = {
        "page": Answer("prod", search.key, desk.now, server.answer(search)),
        "log": Answer("prod", read.key, desk.now, log(("CREATE", BORN - 60), ("ACK", desk.now - 60))),
    }
    with desk.ledger.transaction() as tx:
        for name in order:
            desk.poller.answered()
            desk.poller.take(told[name], tx, desk.now)
    for name in order:
        desk.poller.reschedule(told[name], desk.now)
    server.logs["1"] = log(("CREATE", BORN - 60), ("ACK", desk.now - 60))
    pass_time(desk, server, 3600)

    assert desk.records() == {"CREATE": 1, "ACK": 1}
    known = desk.ledger.get("prod", "1")
    assert known is not None
    assert known.sighting is not None
    assert known.sighting.is_acked


def test_a_wrong_path_to_the_logs_completes_no_baseline(desk: Desk, server: Server) -> None:
    """A search that works is no answer about logs."""
    server.alerts[2] = [seen("1"), seen("2")]
    server.logs = {"1": BadRequest("404"), "2": BadRequest("404")}
    pass_time(desk, server, 3600)

    assert not desk.ledger.has_baseline("prod")


def test_rows_that_cannot_be_read_are_counted(desk: Desk, server: Server) -> None:
    """A search that returns something unreadable says so in the metrics, and the rest of it counts."""
    (question,) = desk.questions()
    desk.answer(question.key, Page((seen("1"),), 2, rejected={"search_row": 1}))

    rejected = [t.values for s, t in desk.ledger.view().totals.items() if s.total == "records_rejected"]
    assert rejected == [(1.0,)]
    assert pass_time(desk, server) == ["1"]


def test_the_first_watch_that_selects_an_alert_has_it(tmp_path: Path, server: Server) -> None:
    """Fixed ids before searches, searches in their order: labels are those of the first, the search tells the rest."""
    desk = Desk(tmp_path, BORN, watch=TWO)
    desk.poller.select(desk.now)
    server.alerts = {2: [seen("1"), seen("2")], 3: [seen("2"), seen("3")]}
    pass_time(desk, server, 60)

    assert [labels_of(desk, i).get("team") for i in ("1", "2", "3")] == [None, "a", "b"]
    assert desk.poller.watched == {("prod", "1"), ("prod", "2"), ("prod", "3")}
    desk.close()


def test_a_refused_search_is_trouble_that_shows_and_ends(desk: Desk, server: Server) -> None:
    """A query that the server cannot read: the source is not up, the reason is told, and no baseline is complete."""
    server.refusal = BadRequest("search_alert: 3300002 query_string is wrong")
    pass_time(desk, server, 120)
    state = desk.state()
    assert (state.up, state.cycled) == (False, True)
    assert "query_string is wrong" in state.trouble
    assert not desk.ledger.has_baseline("prod")

    server.refusal = None
    pass_time(desk, server, 120)
    assert desk.state().up
    assert desk.ledger.has_baseline("prod")


@pytest.mark.parametrize("refusal", [NotAllowed("auth"), TooFast("429", retry_after=20.0)])
def test_a_search_that_the_source_refuses_pauses_the_source(refusal: BlueKingError, desk: Desk, server: Server) -> None:
    """The page is asked for again after the pause, and the cycle goes on."""
    server.refusal = refusal
    pass_time(desk, server, 5)
    server.refusal, server.alerts[2] = None, [seen("1")]

    assert pass_time(desk, server, 120) == ["1"]
    assert desk.state().up
