"""Watching by search: who is found, when their logs are asked for, and what an end looks like."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.blueking import BadRequest, BlueKingError, NotAllowed, Page, TooFast, Upstream
from exporter.config import PollSettings, RateLimitSettings
from exporter.flow.records import Log
from exporter.flow.sightings import Outcome, Sighting
from exporter.poller.workers import Answer, Question
from tests.poller.desk import BORN, POLL, Desk, log

SEARCH = "[{search: {bk_biz_ids: [2]}, labels: {team: infra}}]"
TWO = (
    "[{alerts: ['1']}, {search: {bk_biz_ids: [2]}, labels: {team: a}}, {search: {bk_biz_ids: [3]}, labels: {team: b}}]"
)
LIMITS = RateLimitSettings(requests_per_second=1000.0, burst=1000, concurrency=50)


def seen(alert_id: str, **more: object) -> Sighting:
    """Return an open fatal alert as a search answers it."""
    return Sighting(alert_id, {"severity": "fatal"}, created_at=BORN - 60, **more)  # type: ignore[arg-type] # by name


class Server:
    """What the source would answer: sightings by business, and logs."""

    def __init__(self) -> None:
        self.alerts: dict[int, list[Sighting]] = {2: [], 3: []}
        self.logs: dict[str, Log | BlueKingError] = {}
        self.refusal: BlueKingError | None = None
        self.is_partial = False
        self.asked: list[str] = []

    def answer(self, question: Question) -> Log | Page | BlueKingError:
        """Answer a question."""
        if question.query is not None:
            if self.refusal is not None:
                return self.refusal
            found = [s for business in question.query.bk_biz_ids for s in self.alerts[business]]
            return Page(tuple(found), len(found), self.is_partial)
        self.asked.append(question.key)
        return self.logs.get(question.key, log(("CREATE", BORN - 60)))


@pytest.fixture
def server() -> Server:
    """Give a server without alerts."""
    return Server()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk that watches by search."""
    made = Desk(tmp_path, BORN, LIMITS, SEARCH)
    made.poller.select(made.now)
    yield made
    made.close()


def pass_time(desk: Desk, server: Server, seconds: float = 0.0) -> list[str]:
    """Let time pass, a second at a time, with every question answered; return the logs that were asked for."""
    before = len(server.asked)
    for _ in range(int(seconds) + 1):
        while questions := list(desk.questions()):
            for question in questions:
                desk.answer(question.key, server.answer(question))
        desk.cycle()
        desk.now += 1
    desk.now -= 1
    return server.asked[before:]


def labels_of(desk: Desk, alert_id: str) -> dict[str, str]:
    """Return the labels of an alert."""
    known = desk.ledger.find("prod", [alert_id])[alert_id]
    return dict(known.labels)


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


def test_a_late_ack_record_is_asked_for_a_few_times(desk: Desk, server: Server) -> None:
    """`is_ack` without an ACK record: again after settle, a few times, then as rarely as any other."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server)
    server.alerts[2] = [seen("1", is_acked=True)]

    assert len(pass_time(desk, server, 300)) == 3


def test_an_end_is_read_once_when_it_has_settled(desk: Desk, server: Server) -> None:
    """One read tells the end and all that came before it; then the alert rests, though the search returns it still."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 60)
    ended_at = desk.now
    server.alerts[2] = [seen("1", outcome=Outcome.RECOVERED, ended_at=ended_at)]
    server.logs["1"] = log(("CREATE", BORN - 60), ("RECOVER", ended_at))

    assert pass_time(desk, server, 300) == ["1"]
    assert desk.records()["RECOVER"] == 1
    assert desk.poller.watched == frozenset()


def test_an_alert_that_lived_between_two_cycles_is_one_read(desk: Desk, server: Server) -> None:
    """Found when it is over already, it is read once."""
    pass_time(desk, server, 60)
    created, ended = desk.now - 20, desk.now - 5
    server.alerts[2] = [Sighting("9", created_at=created, outcome=Outcome.CLOSED, ended_at=ended)]
    server.logs["9"] = log(("CREATE", created), ("CLOSE", ended))

    assert pass_time(desk, server, 120) == ["9"]
    assert desk.records() == {"CREATE": 1, "CLOSE": 1}


def test_a_closure_without_a_record_ends_by_the_search(desk: Desk, server: Server) -> None:
    """Flow control leaves an ALERT_QOS row and no end: the search's word is all there is."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 60)
    server.alerts[2] = [seen("1", outcome=Outcome.CLOSED, ended_at=desk.now)]
    server.logs["1"] = log(("CREATE", BORN - 60), ("ALERT_QOS", desk.now))
    pass_time(desk, server, 60)

    ended = [dict(s.labels) for s in desk.ledger.view().totals if s.total == "alerts_ended"]
    assert [(labels["outcome"], labels["acked"]) for labels in ended] == [("closed", "false")]
    assert desk.poller.watched == frozenset()


def test_a_migrated_alert_without_rows_is_no_error(desk: Desk, server: Server) -> None:
    """Its creation is the search's, its log is empty, and it holds up nothing."""
    server.alerts[2] = [seen("not-a-number")]
    server.logs["not-a-number"] = log()
    pass_time(desk, server)

    known = desk.ledger.get("prod", "not-a-number")
    assert known is not None
    assert known.created_at == BORN - 60
    assert desk.state().up
    assert desk.ledger.has_baseline("prod")


def test_an_alert_that_vanished_is_read_once_more(desk: Desk, server: Server) -> None:
    """Absence from one round proves nothing: the log is asked, once, and the alert stays watched while it is open."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 60)
    server.alerts[2] = []

    assert pass_time(desk, server, 300) == ["1"]
    assert desk.poller.watched == {("prod", "1")}
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 31)
    server.alerts[2] = []
    assert pass_time(desk, server, 31) == ["1"]


def test_a_partial_answer_makes_nothing_vanish(desk: Desk, server: Server) -> None:
    """What the server did not look at is not gone, and the cycle is no good one."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 60)
    server.alerts[2], server.is_partial = [], True

    assert pass_time(desk, server, 300) == []


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


def test_an_outage_of_the_logs_alone_loses_nothing(desk: Desk, server: Server) -> None:
    """While searches work and no log does, no alert is given up, and an end that came meanwhile counts afterwards."""
    server.alerts[2] = [seen("1"), seen("2")]
    pass_time(desk, server, 60)
    server.alerts[2] = [seen(i, outcome=Outcome.RECOVERED, ended_at=desk.now) for i in ("1", "2")]
    server.logs = {"1": Upstream("500"), "2": Upstream("500")}
    ended_at = desk.now
    pass_time(desk, server, 3600)
    assert not desk.state().up
    assert desk.records() == {"CREATE": 2}

    server.logs = {i: log(("CREATE", BORN - 60), ("ACK", ended_at - 5), ("RECOVER", ended_at)) for i in ("1", "2")}
    pass_time(desk, server, 400)

    assert desk.records() == {"CREATE": 2, "ACK": 2, "RECOVER": 2}
    assert desk.state().up


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
    desk = Desk(tmp_path, BORN, LIMITS, TWO)
    desk.poller.select(desk.now)
    server.alerts = {2: [seen("1"), seen("2")], 3: [seen("2"), seen("3")]}
    pass_time(desk, server, 60)

    assert [labels_of(desk, i).get("team") for i in ("1", "2", "3")] == [None, "a", "b"]
    assert desk.poller.watched == {("prod", "1"), ("prod", "2"), ("prod", "3")}
    desk.close()


def test_a_restart_goes_on_with_what_was_found(desk: Desk, server: Server) -> None:
    """Alerts found before are watched again, and not read anew before their time."""
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 60)

    again = desk.restart(desk.now + 30)
    again.poller.select(again.now)

    assert again.poller.watched == {("prod", "1")}
    assert pass_time(again, server, 120) == []
    again.close()


def test_nothing_is_lost_over_a_down_time(desk: Desk, server: Server) -> None:
    """The first search after hours asks for all that was open since the last good cycle, and all of it counts."""
    pass_time(desk, server, 60)
    good_at = desk.now
    again = desk.restart(desk.now + 5 * 3600)
    again.poller.select(again.now)
    (question,) = again.questions()
    assert question.query is not None
    assert question.query.start <= good_at - 60
    server.alerts[2] = [Sighting("9", created_at=good_at + 60, outcome=Outcome.RECOVERED, ended_at=good_at + 900)]
    server.logs["9"] = log(("CREATE", good_at + 60), ("ACK", good_at + 90), ("RECOVER", good_at + 900))
    again.answer(question.key, server.answer(question))
    pass_time(again, server, 60)

    assert again.records() == {"CREATE": 1, "ACK": 1, "RECOVER": 1}
    again.close()


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


def test_an_open_alert_of_a_search_never_expires(tmp_path: Path, server: Server) -> None:
    """What a search returns as open is open, however old; once it vanished for good, it expires."""
    poll = PollSettings(**{**POLL.model_dump(), "max_age": 7200.0})
    desk = Desk(tmp_path, BORN, LIMITS, SEARCH, poll)
    desk.poller.select(desk.now)
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 3 * 3600)
    assert desk.poller.watched == {("prod", "1")}

    server.alerts[2] = []
    pass_time(desk, server, 60)
    assert desk.poller.watched == frozenset()
    desk.close()
