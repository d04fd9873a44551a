"""The ledger beside the log: what differs, and what becomes of it."""

from dataclasses import replace

import pytest

from exporter.explain.model import Comparison, Explanation, State, Told
from exporter.flow.known import KnownAlert
from exporter.flow.records import FlowRecord
from exporter.flow.sightings import Sighting
from tests.explain.cases import TARGET, explained, flow, known_after, make_case, short, steps_of, why
from tests.flow.reading import ALERT_ID, BORN, LIFE

RESTS = "the alert rests: its log is read no more"


def compared(told: Explanation) -> Comparison:
    """Return the comparison, which is there where both sides are."""
    assert told.comparison is not None
    return told.comparison


def count_whys(told: Explanation) -> dict[str, str]:
    """Return why the rows of an operate differ, those that agree left out."""
    return {count.name: count.why for count in compared(told).counts if count.why}


def time_whys(told: Explanation) -> dict[str, str]:
    """Return why times differ, those that agree left out."""
    return {time.name: time.why for time in compared(told).times if time.why}


@pytest.mark.parametrize("at", [950, 5000])
def test_a_ledger_that_has_it_all_agrees(at: float) -> None:
    """Nothing pending, nothing else: that is said, of resting alerts too."""
    told = explained(LIFE, at=at, known=known_after(LIFE, at=940))

    assert compared(told).agrees
    assert {step.in_ledger for step in steps_of(told) if step.record is not None} == {True}


def test_records_that_were_not_read_yet_are_pending() -> None:
    """They are marked in the flow, and what the next read adds is what it will add."""
    told = explained(LIFE, at=880, known=known_after(LIFE[:3], at=100))
    told_later = explained(LIFE[:4], at=880, known=known_after(LIFE[:3], at=100))

    assert not compared(told).agrees
    assert count_whys(told_later) == {"ACK": "the next read adds 1"}
    assert time_whys(told_later) == {"first ACK": "the next read takes the log's"}
    assert [short(added) for added in compared(told_later).next_read] == [
        "records_total +1",
        "time_to_ack_seconds 300 s in 300.0",
        "ack_deadlines_total met +1",
    ]
    assert compared(told_later).deadline_why == "open in the ledger: the next read makes it met"
    assert [step.in_ledger for step in steps_of(told_later)] == [True, True, True, False]
    assert why(told_later, "ACK") == [("not in the ledger yet",)]


def test_a_row_of_an_impossible_time_makes_no_record_pending() -> None:
    """It is rejected, not counted; the readable rows of its operate are in the ledger all the same."""
    rows: list[tuple[str, float] | FlowRecord] = [("CREATE", 0), ("CONVERGE", 60), ("CONVERGE", 120)]
    rows.insert(0, FlowRecord("CONVERGE", "SUCCESS", 1000.0))
    told = explained(rows, at=300, known=known_after(rows, at=200))

    assert compared(told).agrees
    assert why(told, "CONVERGE")[1:] == [(), ()]


def test_merged_rows_are_not_taken_back() -> None:
    """A rolling view shows fewer rows than were counted; other operates do so only by a server's loss."""
    once = [("CREATE", 0), *(("CONVERGE", 10 * n) for n in range(5)), ("ACTION", 51), ("ACTION", 52)]
    now = [("CREATE", 0), ("CONVERGE", 30), ("CONVERGE", 40), ("ACTION", 51)]
    told = explained(now, at=100, known=known_after(once, at=90))

    assert count_whys(told) == {
        "ACTION": "the source shows fewer than before: nothing is taken back",
        "CONVERGE": "the server merges such rows: nothing is taken back",
    }
    assert compared(told).next_read == ()


def test_what_a_first_read_would_only_note_is_said_so() -> None:
    """An alert that was seen and not read yet: its history will not count."""
    seen = replace(TARGET, counts_from=BORN + 200)
    told = explained([("CREATE", 0), ("ACTION", 100), ("ACTION", 300)], at=400, known=seen)

    assert count_whys(told) == {
        "ACTION": "the next read adds 1 and notes 1 from before what counts",
        "CREATE": "the next read notes 1 from before what counts",
    }
    assert told.standing.state is State.UNREAD


def test_what_shows_up_after_the_last_read_is_never_counted() -> None:
    """A resting alert's log is read no more."""
    told = explained([*LIFE, ("ACTION", 950)], at=5000, known=known_after(LIFE, at=940))

    assert count_whys(told) == {"ACTION": RESTS}
    assert compared(told).next_read == ()
    assert flow(told)[-1] == (
        "ACTION",
        (),
        ("shown after the last read: the alert rests, its log is read no more",),
    )


def test_a_told_deadline_stays_whatever_the_log_shows_now() -> None:
    """An ACK whose row came late does not turn missed into met; nor does the flow claim that it did."""
    told = explained(LIFE[:4], at=880, known=known_after([("CREATE", 0)], at=700))

    assert compared(told).deadline_why == "missed in the ledger, met by the log: a result is told once and stays"
    assert flow(told)[3] == (
        "ACK",
        ("time_to_ack_seconds 300 s in 300.0",),
        (
            "not in the ledger yet",
            "ack deadline: missed was told and stays, though the log shows met now",
        ),
    )


def test_other_times_in_the_log_change_nothing_that_was_told() -> None:
    """With another zone in the config the same rows have other times."""
    known = known_after([("CREATE", 0), ("ACK", 5)], at=100)
    told = explained([("CREATE", -60), ("ACK", 2)], at=200, known=known)

    assert time_whys(told) == {
        "created": "the next read takes the log's",
        "first ACK": "what was told of it stays as it was told",
    }


def test_an_ack_that_the_log_lost_stays() -> None:
    """What the ledger knows is not forgotten."""
    told = explained([("CREATE", 0)], at=200, known=known_after([("CREATE", 0), ("ACK", 5)], at=100))

    assert time_whys(told) == {"first ACK": "the log does not show it (any more): what the ledger knows stays"}


def test_unreadable_rows_are_compared_by_reason() -> None:
    """Those that are more will be rejected by the next read."""
    known = replace(known_after([("CREATE", 0)], at=100), rejected={"operate": 1})
    told = explained([("CREATE", 0)], at=200, known=known, rejected={"operate": 3})

    assert count_whys(told) == {"unreadable (operate)": "the next read adds 2"}


def test_the_ledger_alone_tells_what_it_has() -> None:
    """Offline there is no flow and no comparison, but every latency with its bucket."""
    told = explained(None, at=880, known=known_after(LIFE, at=905))

    assert (told.steps, told.comparison) == (None, None)
    assert [(m.name, m.told, m.seconds, m.le) for m in told.milestones] == [
        ("first ACK", Told.TOLD, 300.0, "300.0"),
        ("first action", Told.TOLD, 3.0, "30.0"),
        ("end", Told.PENDING, None, None),
    ]
    assert told.standing.state is State.SETTLING


def test_history_in_the_ledger_is_told_as_such() -> None:
    """Noted, not counted."""
    old = replace(TARGET, counts_from=BORN + 5000, first_seen_at=BORN + 6000)
    told = explained(None, at=880, known=known_after(LIFE, at=6000, first_sight=old))

    assert {milestone.told for milestone in told.milestones} == {Told.HISTORY}


def test_an_expired_alert_has_no_time_to_end() -> None:
    """It is told as ended, and when; nobody knows how long it took."""
    known = known_after([("CREATE", 0)], at=100_000)
    told = explained([("CREATE", 0)], at=200_000, known=known)

    assert [(m.name, m.told, m.seconds) for m in told.milestones] == [("end", Told.TOLD, None)]
    assert flow(told)[-1][:2] == ("last read", ("alerts_ended_total expired false +1",))
    assert compared(told).agrees


def test_what_a_search_returns_does_not_expire() -> None:
    """However old it is."""
    sighting = Sighting(ALERT_ID)
    told = explained(
        [("CREATE", 0)],
        at=200_000,
        known=known_after([("CREATE", 0)], at=100, first_sight=replace(TARGET, sighting=sighting)),
    )

    assert told.standing.state is State.OPEN
    assert "last read" not in [name for name, _, _ in flow(told)]


@pytest.mark.parametrize(
    ("known", "by"),
    [
        (known_after([("CREATE", 0)], at=1), "CREATE record"),
        (known_after([("ACK", 0)], at=1), "id"),
        (
            known_after(
                [("ACK", 0)], at=1, first_sight=replace(TARGET, sighting=Sighting(ALERT_ID, created_at=BORN + 1))
            ),
            "search",
        ),
        (known_after([("ACK", 0)], at=1, first_sight=replace(TARGET, alert_id="x")), None),
    ],
)
def test_it_says_where_the_creation_is_from(known: KnownAlert, by: str | None) -> None:
    """A record, a search, the id, or nothing."""
    assert explained(None, at=5, known=known).standing.creation.by == by


def test_a_target_that_the_config_changed_is_told() -> None:
    """It was fixed when the alert was first seen."""
    known = known_after([("CREATE", 0)], at=1)
    told = explained(None, at=5, known=known, first_sight=replace(TARGET, ack_target=300.0))

    assert told.notes == ("the config now says an ack target of 5m: 10m was fixed when the alert was first seen",)


def test_with_neither_ledger_nor_log_there_is_nothing_to_explain() -> None:
    """That is for the caller to say."""
    with pytest.raises(ValueError, match="neither the ledger nor the source"):
        explained(None, at=5)
    assert make_case(None, at=5).known is None
