"""Watching by search: what an end looks like, and what comes late or after a pause."""

from pathlib import Path

from exporter.blueking import Upstream
from exporter.config import PollSettings
from exporter.flow.sightings import Outcome, Sighting
from tests.poller.desk import BORN, POLL, Desk, log
from tests.poller.searching import SEARCH, Server, pass_time, seen


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


def test_an_open_alert_of_a_search_never_expires(tmp_path: Path, server: Server) -> None:
    """What a search returns as open is open, however old; once it vanished for good, it expires."""
    poll = PollSettings(**{**POLL.model_dump(), "max_age": 7200.0})
    desk = Desk(tmp_path, BORN, watch=SEARCH, poll=poll)
    desk.poller.select(desk.now)
    server.alerts[2] = [seen("1")]
    pass_time(desk, server, 3 * 3600)
    assert desk.poller.watched == {("prod", "1")}

    server.alerts[2] = []
    pass_time(desk, server, 60)
    assert desk.poller.watched == frozenset()
    desk.close()
