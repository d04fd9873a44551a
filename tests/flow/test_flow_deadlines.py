"""Ack deadlines: each alert with a target comes to one result, which is told once and in time."""

from dataclasses import replace

import pytest

from exporter.flow.advance import Policy, advance, see
from exporter.flow.deadlines import AckTarget, AckTargets, DeadlineResult
from exporter.flow.known import KnownAlert
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Count, Observations, Total
from exporter.flow.records import Log
from exporter.flow.sightings import Outcome, Sighting
from tests.flow.reading import ALERT_ID, BORN, UNSEEN, read

TARGET = replace(UNSEEN, ack_target=300.0)
OPEN = (("CREATE", 0),)


def deadlines(*reads: Observations) -> dict[str, int]:
    """Return the counted results, those of no alert left out."""
    counted: dict[str, int] = {}
    for count in (o for observations in reads for o in observations):
        if count.total is Total.ACK_DEADLINES and isinstance(count, Count) and count.amount:
            result = dict(count.labels)["result"]
            counted[result] = counted.get(result, 0) + count.amount
    return counted


def sighted(known: KnownAlert, at: float, **fields: object) -> KnownAlert:
    """Return what is known after a search told of the alert, `at` seconds after birth."""
    return see(known, Sighting(ALERT_ID, **fields), BORN + at)  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize(
    ("rows", "at", "result"),
    [
        ([("ACK", 300)], 301, "met"),
        ([("ACK", 301)], 310, "missed"),
        ([], 310, "missed"),
        ([("RECOVER", 200)], 210, "ended"),
        ([("RECOVER", 299), ("ACK", 300)], 310, "ended"),
        ([("RECOVER", 300)], 310, "missed"),
        ([("CLOSE", 301)], 311, "missed"),
        ([("ACK", 100), ("RECOVER", 100)], 110, "met"),
        ([("ACK", 400), ("RECOVER", 900)], 1000, "missed"),
    ],
)
def test_each_life_comes_to_one_result(rows: list[tuple[str, float]], at: float, result: str) -> None:
    """In time, late, never, ended before: told by the first read that can be sure, and by no later one."""
    known, told = read(TARGET, *OPEN, *rows, at=at)
    after, again = read(known, *OPEN, *rows, at=at + 10_000)

    assert deadlines(told) == {result: 1}
    assert deadlines(again) == {}
    assert known.deadline_result == after.deadline_result == result


@pytest.mark.parametrize("end", [300, 900])
def test_a_clock_that_is_behind_misses_no_deadline(end: float) -> None:
    """An alert that ends after its deadline was missed, also where by our clock that deadline is still to come."""
    known, first = read(TARGET, *OPEN, ("RECOVER", end), at=100)
    known, told = read(known, *OPEN, ("RECOVER", end), at=110)

    assert known.rested_at is not None
    assert deadlines(first, told) == {"missed": 1}


@pytest.mark.parametrize(
    ("rows", "at"), [([], 309), ([("RECOVER", 200)], 209), ([("RECOVER", 299.5)], 309), ([("ACK", 301)], 305)]
)
def test_nothing_is_told_while_a_late_record_may_decide(rows: list[tuple[str, float]], at: float) -> None:
    """Until deadline + settle, or the end + settle, an ACK in time may still show up."""
    known, early = read(TARGET, *OPEN, *rows, at=at)
    _, late = read(known, *OPEN, ("ACK", 150), *rows, at=at + 10)

    assert (known.deadline_result, deadlines(early)) == (None, {})
    assert deadlines(late) == {"met": 1}


def test_a_missed_deadline_is_never_taken_back() -> None:
    """An ACK in time whose row comes after that changes nothing; its latency is observed as it was."""
    known, missed = read(TARGET, *OPEN, at=310)
    _, late = read(known, *OPEN, ("ACK", 290), at=400)

    assert deadlines(missed, late) == {"missed": 1}
    assert any(o.total is Total.TIME_TO_ACK for o in late)


def test_an_alert_does_not_expire_before_its_deadline() -> None:
    """A `max_age` below the target would tell `missed` of somebody who still has time, and read no ACK after it."""
    patient = replace(TARGET, ack_target=100_000.0)
    known, early = read(patient, *OPEN, at=86_500)
    _, acked = read(known, *OPEN, ("ACK", 90_000), at=90_010)
    _, never = read(known, *OPEN, at=100_010)

    assert (known.rested_at, deadlines(early)) == (None, {})
    assert (deadlines(acked), deadlines(never)) == ({"met": 1}, {"missed": 1})


@pytest.mark.parametrize(("read_at", "counted"), [(200, {}), (305, {"missed": 1})])
def test_an_alert_that_can_be_read_no_more_is_missed_only_if_a_read_told_so(
    read_at: float, counted: dict[str, int]
) -> None:
    """It rests when it is given up; that nobody acknowledged it in time, only a read after the deadline tells."""
    known, early = read(TARGET, *OPEN, at=read_at)
    lost = Policy(settle=10, max_age=1000, is_read=False)
    known, late = advance(known, Log(), now=BORN + 2000, policy=lost)

    assert known.rested_at == BORN + 2000
    assert deadlines(early, late) == counted


def test_the_results_are_born_at_the_first_read() -> None:
    """All three series are there before the first event, so that a missed deadline shows when it is missed."""
    known, first = read(TARGET, *OPEN, at=1)
    _, second = read(known, *OPEN, at=2)

    born = [
        Count(Total.ACK_DEADLINES, extend(TARGET.labels, result=result), 0) for result in ("met", "missed", "ended")
    ]
    assert [o for o in first if o.total is Total.ACK_DEADLINES] == born
    assert not [o for o in second if o.total is Total.ACK_DEADLINES]


def test_without_a_target_nothing_is_told() -> None:
    """No series, no result."""
    known, told = read(UNSEEN, *OPEN, at=86_000)

    assert known.deadline_result is None
    assert not [o for o in told if o.total is Total.ACK_DEADLINES]


def test_a_shielded_alert_is_left_out_for_good() -> None:
    """What is shielded at its deadline is not counted, nor when the shield goes."""
    shielded, before = read(sighted(TARGET, 5, is_shielded=True), *OPEN, at=310)
    _, after = read(sighted(shielded, 400, is_shielded=False), *OPEN, at=410)

    assert shielded.deadline_result is DeadlineResult.SHIELDED
    assert deadlines(before, after) == {}


@pytest.mark.parametrize("rows", [[("ACK", 20)], [("RECOVER", 30)], []])
def test_a_deadline_before_what_we_count_is_history(rows: list[tuple[str, float]]) -> None:
    """An alert that is old at first sight adds nothing to the results."""
    old = replace(TARGET, counts_from=BORN + 1000)
    known, told = read(old, *OPEN, *rows, at=5000)

    assert (known.deadline_result, deadlines(told)) == (DeadlineResult.HISTORY, {})


def test_a_deadline_after_the_start_counts_though_the_creation_lies_before() -> None:
    """What passes while we watch counts."""
    _, told = read(replace(TARGET, counts_from=BORN + 100), *OPEN, at=310)

    assert deadlines(told) == {"missed": 1}


def test_an_end_that_only_a_search_tells_counts_as_one() -> None:
    """A closure by flow control leaves no record of an end."""
    known, _ = read(TARGET, *OPEN, at=1)
    known = sighted(known, 100, outcome=Outcome.CLOSED, ended_at=BORN + 90)
    _, told = read(known, *OPEN, ("ALERT_QOS", 90), at=101)

    assert deadlines(told) == {"ended": 1}


def test_an_acknowledgement_without_a_record_is_met_when_a_search_told_it_in_time() -> None:
    """The record may be missing for good (api.md); the ACK was no later than the search that told it."""
    known, _ = read(TARGET, *OPEN, at=1)
    known, told = read(sighted(known, 200, is_acked=True), *OPEN, at=201)

    assert deadlines(told) == {"met": 1}
    assert not [o for o in told if o.total is Total.TIME_TO_ACK]


def test_an_acknowledgement_that_a_search_tells_late_waits_for_its_record() -> None:
    """Told after the deadline, it may have been in time: only its record knows, as long as that is waited for."""
    known, _ = read(TARGET, *OPEN, at=1)
    known = sighted(known, 320, is_acked=True)
    known, first = read(known, *OPEN, at=321)
    _, in_time = read(known, *OPEN, ("ACK", 295), at=331)
    tries = [first]
    for at in (331, 351, 391):
        known, told = read(known, *OPEN, at=at)
        tries.append(told)

    assert deadlines(first) == {}
    assert deadlines(in_time) == {"met": 1}
    assert deadlines(*tries) == {"missed": 1}


def test_an_end_counts_as_acked_when_only_a_search_told_so() -> None:
    """The alert's own flag is set by people alone; the record may be missing for good."""
    known, _ = read(TARGET, *OPEN, at=1)
    _, told = read(sighted(known, 200, is_acked=True), *OPEN, ("RECOVER", 250), at=260)

    assert [dict(o.labels)["acked"] for o in told if o.total is Total.ALERTS_ENDED] == ["true"]


def test_the_first_target_that_matches_is_the_alerts_own() -> None:
    """Every label of the match must be there; an empty match fits every alert."""
    targets = AckTargets(
        [
            AckTarget({"severity": "fatal", "team": "db"}, 60, 0.99),
            AckTarget({"severity": "fatal"}, 300, 0.99),
            AckTarget({}, 3600, 0.9),
        ]
    )

    assert targets.within(make_labels({"severity": "fatal", "team": "db"})) == 60
    assert targets.within(make_labels({"severity": "fatal", "team": "web"})) == 300
    assert targets.within(make_labels({"team": "db"})) == 3600
    assert AckTargets().within(make_labels({"severity": "fatal"})) is None


@pytest.mark.parametrize("zone_error", [-8 * 3600, 8 * 3600, 5.75 * 3600])
def test_a_wrong_time_zone_does_not_move_the_deadline(zone_error: float) -> None:
    """Records are compared with records; when the deadline has passed, the clock and the id tell."""
    rows = (("CREATE", zone_error), ("ACK", zone_error + 290))
    known, early = read(TARGET, ("CREATE", zone_error), at=30)
    _, met = read(known, *rows, at=300)
    late, missed = read(known, ("CREATE", zone_error), at=310)

    assert (known.open_deadline, late.true_created_at) == (BORN + 300, BORN)
    assert (deadlines(early), deadlines(met), deadlines(missed)) == ({}, {"met": 1}, {"missed": 1})


def test_an_acknowledgement_that_a_search_tells_is_compared_in_the_zone_of_the_records() -> None:
    """What the clock told is 8 hours away from records of a wrong zone."""
    known, _ = read(TARGET, ("CREATE", -28_800), at=1)
    _, in_time = read(sighted(known, 200, is_acked=True), ("CREATE", -28_800), at=201)
    _, late = read(sighted(known, 400, is_acked=True), ("CREATE", -28_800), ("RECOVER", -28_000), at=1000)

    assert (deadlines(in_time), deadlines(late)) == ({"met": 1}, {"missed": 1})


@pytest.mark.parametrize("off", [0, 59, 400, 1000])
def test_a_creation_that_is_off_by_no_zone_is_taken_as_it_is(off: float) -> None:
    """Only quarters of an hour are a zone's; an id may differ from the CREATE record for other reasons."""
    known, _ = read(TARGET, ("CREATE", off), at=1)

    assert known.true_created_at == BORN + off


def test_a_target_matches_a_value_as_the_label_has_it() -> None:
    """A value that is too long or not clean is compared as it becomes a label's."""
    for name in ("x" * 300, "a\0b"):
        targets = AckTargets([AckTarget({"alert_name": name}, 60.0, 0.9)])

        assert targets.within(make_labels({"alert_name": name})) == 60.0
        assert targets.within(make_labels({"alert_name": name + "c"})) is None
