"""What each record of a flow adds, and why not more."""

from collections import Counter
from dataclasses import replace
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.explain.adding import added, sums
from exporter.flow.advance import advance
from exporter.flow.known import KnownAlert
from exporter.flow.records import FlowRecord
from exporter.flow.sightings import Outcome, Sighting
from tests.explain.cases import BOUNDS, TARGET, counted, explained, flow, short, steps_of, why
from tests.flow.reading import ALERT_ID, BORN, LIFE, POLICY, UNSEEN, log

NO_ID = replace(TARGET, alert_id="an-id-without-a-time")
OLD_DEADLINE = "the ack deadline was over before what counts: not counted"
HISTORY = "before what counts of this alert: noted, not counted"


def test_a_life_is_told_record_by_record() -> None:
    """Each latency stands at its record with its bucket, the deadline at the ACK, the end when it has settled."""
    told = explained(LIFE, at=5000)

    assert [(name, adds) for name, adds, _ in flow(told)] == [
        ("CREATE", ()),
        ("ACTION", ("time_to_first_action_seconds 3 s in 30.0",)),
        ("CONVERGE", ()),
        ("ACK", ("time_to_ack_seconds 300 s in 300.0", "ack_deadlines_total met +1")),
        ("RECOVER", ()),
        ("end + settle", ("time_to_end_seconds recovered 900 s in 3600.0", "alerts_ended_total recovered true +1")),
    ]
    assert counted(told) == {"CREATE": 1, "ACTION": 1, "CONVERGE": 1, "ACK": 1, "RECOVER": 1}
    assert steps_of(told)[-1].at == BORN + 910


def test_a_missed_deadline_stands_at_its_own_time() -> None:
    """Not at the late ACK, and not at the end."""
    told = explained([("CREATE", 0), ("ACK", 700), ("RECOVER", 900)], at=5000)

    assert flow(told)[1] == ("deadline + settle", ("ack_deadlines_total missed +1",), ())
    assert steps_of(told)[1].at == BORN + 610


def test_only_the_first_ack_and_action_are_timed() -> None:
    """The others count as records, and say why they add no more."""
    told = explained([("CREATE", 0), ("ACTION", 1), ("ANOMALY_NOTICE", 2), ("ACK", 9), ("ACK", 9), ("ACK", 12)], at=50)

    only = ("only the first ACK is timed",)
    assert why(told, "ACK") == [(), only, only]
    assert why(told, "ANOMALY_NOTICE") == [("only the first action or notice is timed",)]
    assert counted(told)["ACK"] == 3


def test_history_is_noted_and_not_counted() -> None:
    """Records before counts_from add nothing at all, later ones of the same alert do."""
    old = replace(TARGET, counts_from=BORN + 500, first_seen_at=BORN + 1000)
    told = explained([("CREATE", 0), ("ACK", 400), ("CONVERGE", 500), ("RECOVER", 900)], at=1000, first_sight=old)

    assert why(told, "CREATE") == why(told, "ACK") == [(HISTORY,)]
    assert counted(told) == {"CONVERGE": 1, "RECOVER": 1}
    assert flow(told)[3:] == [
        ("deadline + settle", (), (OLD_DEADLINE,)),
        ("RECOVER", (), ("the end; it counts when it has settled",)),
        ("end + settle", ("time_to_end_seconds recovered 900 s in 3600.0", "alerts_ended_total recovered true +1"), ()),
    ]


def test_an_end_in_history_says_so() -> None:
    """An alert that was over before what counts adds nothing."""
    old = replace(TARGET, counts_from=BORN + 5000, first_seen_at=BORN + 6000)
    told = explained(LIFE, at=6000, first_sight=old)

    assert counted(told) == {}
    assert [adds for _, adds, _ in flow(told)] == [()] * len(flow(told))
    assert ("deadline + settle", (), (OLD_DEADLINE,)) in flow(told)
    assert flow(told)[-1] == (
        "end + settle",
        (),
        ("the end lies before what counts of this alert: noted, not counted",),
    )


def test_a_record_before_the_creation_is_clamped() -> None:
    """Its latency counts as 0 and as rejected, and it stands before the CREATE record, as by its time."""
    told = explained([("ACTION", -2), ("CREATE", 0)], at=50, first_sight=UNSEEN)

    assert flow(told)[0] == (
        "ACTION",
        (
            "time_to_first_action_seconds 0 s in 30.0",
            "exporter_records_rejected_total negative_latency +1",
        ),
        ("earlier than the creation: the latency counts as 0",),
    )


def test_an_unknown_creation_keeps_a_latency_waiting() -> None:
    """As long as the alert is open it may still come; then the latency counts as rejected."""
    waiting = explained([("ACK", 5)], at=50, first_sight=NO_ID)
    over = explained([("ACK", 5), ("RECOVER", 9)], at=50, first_sight=NO_ID)

    assert why(waiting, "ACK") == [("the creation is not known yet: its latency waits for it",)]
    assert flow(over)[-1][1] == (
        "alerts_ended_total recovered true +1",
        "exporter_records_rejected_total creation_unknown +2",
    )


def test_a_row_of_an_impossible_time_is_rejected() -> None:
    """It counts as unreadable, not as a record."""
    told = explained([FlowRecord("ACK", "SUCCESS", 1.0), ("CREATE", 0)], at=50)

    assert flow(told)[0] == (
        "ACK",
        ("exporter_records_rejected_total create_time +1",),
        ("no time that can be read, or one that cannot be",),
    )
    assert counted(told) == {"CREATE": 1}


def test_unreadable_rows_have_a_line_of_their_own() -> None:
    """How many, and why."""
    told = explained([("CREATE", 0)], at=50, rejected={"operate": 2, "create_time": 1})

    assert flow(told)[-1] == (
        "unreadable rows",
        ("exporter_records_rejected_total create_time +1", "exporter_records_rejected_total operate +2"),
        ("no time that can be read, or one that cannot be", "a row without an operate"),
    )


def test_a_shielded_alert_says_why_its_deadline_is_not_counted() -> None:
    """Nobody was notified, so nobody can be late."""
    shielded = replace(TARGET, sighting=Sighting(ALERT_ID, is_shielded=True))
    told = explained([("CREATE", 0)], at=5000, first_sight=shielded)

    assert flow(told)[-1] == (
        "deadline + settle",
        (),
        ("the alert is shielded: its ack deadline is not counted",),
    )


def test_an_alert_that_cannot_end_expires_at_the_last_read() -> None:
    """Its age ends it, without a record."""
    told = explained([("CREATE", 0), ("ACK", 5)], at=90_000, first_sight=UNSEEN)

    assert flow(told)[-1] == ("last read", ("alerts_ended_total expired true +1",), ())
    assert told.standing.state == "expired"


def test_an_end_that_has_not_settled_is_still_to_count() -> None:
    """Until then a late record may tell how it really ended."""
    told = explained([("CREATE", 0), ("RECOVER", 100)], at=105)

    assert flow(told)[-1] == ("RECOVER", (), ("the end counts when it has settled",))
    assert told.standing.state == "settling"


def test_a_second_end_adds_no_end() -> None:
    """It is a record, and no more."""
    told = explained([("CREATE", 0), ("RECOVER", 100), ("CLOSE", 200)], at=500)

    assert why(told, "CLOSE") == [("the alert had ended already",)]
    assert counted(told)["CLOSE"] == 1


def test_an_end_that_only_a_search_tells_is_told() -> None:
    """A closure by flow control leaves no record of an end."""
    sighting = Sighting(ALERT_ID, outcome=Outcome.CLOSED, ended_at=BORN + 90)
    told = explained([("CREATE", 0), ("ALERT_QOS", 90)], at=500, first_sight=replace(TARGET, sighting=sighting))

    assert flow(told)[-1][:2] == (
        "end + settle",
        (
            "time_to_end_seconds closed 90 s in 300.0",
            "alerts_ended_total closed false +1",
            "ack_deadlines_total ended +1",
        ),
    )


def test_anomaly_points_are_told_with_their_gauge() -> None:
    """Documented servers tell them with each CONVERGE record."""
    told = explained([("CREATE", 0), FlowRecord("CONVERGE", "SUCCESS", BORN + 60, 50)], at=100)

    assert why(told, "CONVERGE") == [("anomaly_count 50: in that gauge while the alert is open",)]


def test_a_name_that_is_none_is_told_as_other() -> None:
    """What is counted as OTHER says why."""
    told = explained([("OTHER", 5)], at=100)

    assert why(told, "OTHER") == [("its operate has not the shape of one: counted as OTHER",)]


@pytest.mark.parametrize("hours", [-8, 8])
def test_a_wrong_time_zone_moves_no_result(hours: int) -> None:
    """Records are compared with each other; that their zone is not the server's is noted."""
    off = hours * 3600.0
    rows = [("CREATE", off), ("ACK", off + 300), ("CONVERGE", off + 700), ("RECOVER", off + 900)]
    told = explained(rows, at=50_000)

    assert next(adds for _, adds, _ in flow(told) if adds) == (
        "time_to_ack_seconds 300 s in 300.0",
        "ack_deadlines_total met +1",
    )
    assert sum(bool(adds) for _, adds, _ in flow(told)) == 2
    assert {added.amount for step in steps_of(told) for added in step.adds} == {1}
    assert "timezone is probably not that of the server" in told.notes[1]


OPERATES = st.sampled_from(["CREATE", "ACK", "ACTION", "CONVERGE", "RECOVER", "CLOSE", "SYSTEM_CLOSE", "ALERT_QOS"])
ROWS = st.lists(st.tuples(OPERATES, st.integers(-5, 2000).map(float)), max_size=25)
SIGHTINGS = st.none() | st.builds(
    Sighting,
    st.just(ALERT_ID),
    is_acked=st.booleans(),
    is_shielded=st.booleans(),
    outcome=st.none() | st.sampled_from([Outcome.CLOSED, Outcome.RECOVERED]),
    ended_at=st.none() | st.integers(0, 2000).map(lambda at: BORN + at),
)


@settings(deadline=None)  # one example may read the log twenty times
@given(
    rows=ROWS,
    at=st.integers(2000, 200_000),
    counts_from=st.none() | st.integers(-10, 2500),
    sighting=SIGHTINGS,
    acked_at=st.integers(0, 2500),
)
def test_the_steps_add_up_to_one_read(
    rows: list[tuple[str, float]], at: int, counts_from: int | None, sighting: Sighting | None, acked_at: int
) -> None:
    """Whatever the log, all steps together add exactly what the exporter's own read of it adds."""
    first_sight = replace(
        TARGET,
        counts_from=float("-inf") if counts_from is None else BORN + counts_from,
        sighting=sighting,
        ack_sighted_at=BORN + acked_at if sighting is not None and sighting.is_acked else None,
    )
    rows.sort(key=itemgetter(1))
    told = explained(rows, at=at, first_sight=first_sight)
    _, observations = advance(first_sight, log(*rows), now=BORN + at, policy=POLICY)

    assert all(part.amount > 0 for step in steps_of(told) for part in step.adds), steps_of(told)
    parts: Counter[str] = Counter()
    for step in steps_of(told):
        for part in step.adds:
            parts[f"{part.labels} {part.metric} {part.seconds} {part.le}"] += part.amount
    whole = {
        f"{part.labels} {part.metric} {part.seconds} {part.le}": part.amount
        for part in added(sums(observations), BOUNDS)
    }
    assert {name: amount for name, amount in parts.items() if amount} == whole


@pytest.mark.parametrize("seconds", [0.0, 30.0, 30.5, 3600.0, 3601.0])
def test_the_bucket_is_the_smallest_that_takes_the_latency(seconds: float) -> None:
    """A bound takes what equals it; beyond the last one there is +Inf."""
    told = explained([("CREATE", 0), ("ACK", seconds)], at=5000, first_sight=UNSEEN)

    bucket = {0.0: "30.0", 30.0: "30.0", 30.5: "60.0", 3600.0: "3600.0", 3601.0: "+Inf"}[seconds]
    assert flow(told)[1][1] == (f"time_to_ack_seconds {seconds:g} s in {bucket}",)


def test_a_log_of_many_thousand_rows_is_explained_whole() -> None:
    """Stretches that only count are not looked into one by one, or this would take minutes."""
    early, late = (
        [("CONVERGE", 6.0 * number) for number in numbers] for numbers in (range(1, 8000), range(8000, 13_000))
    )
    told = explained([("CREATE", 0.0), *early, ("ACK", 47_999.0), *late], at=85_000, first_sight=UNSEEN)

    assert counted(told) == {"CREATE": 1, "CONVERGE": 12_999, "ACK": 1}
    assert [adds for _, adds, _ in flow(told) if adds] == [("time_to_ack_seconds 47999 s in +Inf",)]


def test_the_labels_are_those_of_the_series() -> None:
    """What is added can be looked up as it is."""
    told = explained([("CREATE", 0)], at=5, first_sight=KnownAlert("prod", ALERT_ID, UNSEEN.labels, BORN))

    (added_,) = steps_of(told)[0].adds
    assert short(added_) == "records_total +1"
    assert dict(added_.labels) == {"source": "prod", "team": "payments", "operate": "CREATE", "status": "SUCCESS"}
