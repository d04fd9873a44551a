"""Replay: everything is told at the first point after it happened, and nothing that nobody can know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.backfill import Grid
from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger.totals import deltas
from tests.backfill.stories import ALERT_ID, BORN, BOUNDS, DAY, GRID, G, labels_of, log, story, told

LIFE = (("CREATE", 0.0), ("ACTION", 3.0), ("CONVERGE", 60.0), ("ACK", 130.0), ("RECOVER", 290.0))


def test_each_thing_is_told_when_it_happened() -> None:
    """Records at their times, latencies at the milestone, the end at the end and not after `settle`."""
    lived = story(*LIFE)

    assert told(lived, Total.RECORDS) == {0: 1, 60: 2, 180: 1, 300: 1}
    assert told(lived, Total.TIME_TO_FIRST_ACTION) == {60: 3}
    assert told(lived, Total.TIME_TO_ACK) == {180: 130}
    assert told(lived, Total.TIME_TO_END) == {300: 290}
    assert labels_of(lived, Total.ALERTS_ENDED) == [{"outcome": "recovered", "acked": "true"}]
    assert (lived.opened_at, lived.closed_at) == (BORN, BORN + 290)


def test_what_lies_before_the_range_is_not_told() -> None:
    """A latency that ends in the range counts in full, wherever it began."""
    grid = Grid(BORN + 60, BORN + 180, 60.0)
    lived = story(*LIFE, grid=grid)

    assert told(lived, Total.RECORDS, grid) == {180: 1}
    assert told(lived, Total.TIME_TO_FIRST_ACTION, grid) == {}
    assert told(lived, Total.TIME_TO_ACK, grid) == {180: 130}
    assert told(lived, Total.ALERTS_ENDED, grid) == {}
    assert (lived.opened_at, lived.closed_at) == (BORN, None)


def test_ranges_that_touch_tell_together_what_one_tells() -> None:
    """Nothing twice and nothing lost, wherever a history is cut."""
    for cut in (30.0, 60.0, 130.0, 290.0):
        first, second = Grid(BORN - 60, BORN + cut, 60.0), Grid(BORN + cut, BORN + 600, 60.0)
        for total in (Total.RECORDS, Total.TIME_TO_ACK, Total.TIME_TO_END, Total.ACK_DEADLINES):
            parts = [sum(told(story(*LIFE, grid=grid, target=100.0), total, grid).values()) for grid in (first, second)]
            assert sum(parts) == sum(told(story(*LIFE, target=100.0), total).values()), (cut, total)


@pytest.mark.parametrize(
    ("rows", "result", "at"),
    [
        ([("ACK", 130)], "met", 180),
        ([("ACK", 300)], "met", 300),
        ([("ACK", 301)], "missed", 300),
        ([], "missed", 300),
        ([("RECOVER", 130)], "ended", 180),
        ([("RECOVER", 310)], "missed", 300),
    ],
)
def test_a_deadline_is_told_when_it_is_decided(rows: list[tuple[str, float]], result: str, at: float) -> None:
    """Met at the ACK, missed at the deadline, ended at the end: each once."""
    lived = story(("CREATE", 0.0), *rows, target=300.0)

    assert told(lived, Total.ACK_DEADLINES) == {at: 1}
    assert labels_of(lived, Total.ACK_DEADLINES) == [{"result": result}]


def test_a_shielded_alert_has_no_deadline() -> None:
    """Nobody was told of it."""
    lived = story(("CREATE", 0.0), sighting=Sighting(ALERT_ID, is_shielded=True), target=300.0)

    assert told(lived, Total.ACK_DEADLINES) == {}


def test_an_end_that_only_the_search_knows_is_told_at_its_time() -> None:
    """A closure by flow control leaves no record of its own."""
    seen = Sighting(ALERT_ID, outcome=Outcome.CLOSED, ended_at=BORN + 200)
    lived = story(("CREATE", 0.0), ("ALERT_QOS", 199.0), sighting=seen, target=300.0)

    assert told(lived, Total.TIME_TO_END) == {240: 200}
    assert labels_of(lived, Total.ALERTS_ENDED) == [{"outcome": "closed", "acked": "false"}]
    assert labels_of(lived, Total.ACK_DEADLINES) == [{"result": "ended"}]


def test_what_a_search_tells_today_was_not_so_from_the_beginning() -> None:
    """An alert that was acknowledged and ended later was open and waiting before."""
    seen = Sighting(ALERT_ID, is_acked=True, outcome=Outcome.RECOVERED, ended_at=BORN + 900)
    lived = story(("CREATE", 0.0), ("ACK", 700.0), ("RECOVER", 900.0), sighting=seen, target=300.0)

    assert labels_of(lived, Total.ACK_DEADLINES) == [{"result": "missed"}]
    assert told(lived, Total.ALERTS_ENDED) == {}
    assert (lived.known.is_acked, lived.known.is_open, lived.closed_at) == (False, True, None)


def test_an_acknowledgement_at_an_unknown_time_decides_no_deadline() -> None:
    """The end counts as acknowledged, as in serve; met or missed nobody can know."""
    seen = Sighting(ALERT_ID, is_acked=True, outcome=Outcome.RECOVERED, ended_at=BORN + 400)
    lived = story(("CREATE", 0.0), ("RECOVER", 400.0), sighting=seen, target=300.0)

    assert lived.is_ack_undated
    assert told(lived, Total.ACK_DEADLINES) == {}
    assert labels_of(lived, Total.ALERTS_ENDED) == [{"outcome": "recovered", "acked": "true"}]


def test_an_end_at_an_unknown_time_is_not_told() -> None:
    """It is open until its last record, for the gauges; whether it ended before its deadline nobody can know."""
    seen = Sighting(ALERT_ID, outcome=Outcome.CLOSED)
    lived = story(("CREATE", 0.0), ("CONVERGE", 100.0), sighting=seen, target=300.0)

    assert (lived.is_end_undated, lived.closed_at) == (True, BORN + 100)
    assert told(lived, Total.ALERTS_ENDED) == told(lived, Total.ACK_DEADLINES) == {}


def test_an_alert_that_cannot_end_expires() -> None:
    """At `max_age`, as in serve, unless a search still tells of it."""
    rows = (("CREATE", 0.0), ("CONVERGE", 60.0))
    alone, found = story(*rows, max_age=120.0), story(*rows, max_age=120.0, sighting=Sighting(ALERT_ID))

    assert (told(alone, Total.ALERTS_ENDED), alone.closed_at) == ({120: 1}, BORN + 120)
    assert (told(found, Total.ALERTS_ENDED), found.closed_at) == ({}, None)


def test_a_late_create_record_moves_no_latency() -> None:
    """The creation is known from the beginning, also where an earlier record is read before that of the creation."""
    lived = story(("ACTION", 30.0), ("CREATE", 70.0), ("ACK", 130.0), target=300.0)

    assert told(lived, Total.TIME_TO_FIRST_ACTION) == {}
    assert told(lived, Total.RECORDS_REJECTED) == {60: 1}
    assert told(lived, Total.TIME_TO_ACK) == {180: 60}


def test_an_alert_of_later_has_no_story() -> None:
    """What was created after the range leaves no trace."""
    lived = story(("CREATE", 0.0), grid=Grid(BORN - 600, BORN - 60, 60.0))

    assert lived.told == ()
    assert GRID.index(BORN + 601) == len(GRID)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CREATE", "CONVERGE", "ACTION", "ACK", "RECOVER", "CLOSE", "EVENT_DROP"]),
            st.integers(0, 590).map(float),
        ),
        max_size=12,
    ),
    st.sampled_from([None, 60.0, 300.0]),
    st.sampled_from([1.0, 60.0, 300.0]),
)
def test_the_whole_history_comes_to_what_one_read_tells(
    rows: list[tuple[str, float]], target: float | None, step: float
) -> None:
    """Told step by step or counted at once: the sum is the same, whatever the step."""
    rows = sorted(rows, key=lambda row: row[1])
    grid = Grid(BORN - 60, BORN + 600, step)
    unseen = KnownAlert("prod", ALERT_ID, G, first_seen_at=grid.start, ack_target=target)
    known, observations = advance(unseen, log(*rows), now=grid.end, policy=Policy(0, 30 * DAY))

    lived = story(*rows, target=target, grid=grid)

    at_once, in_steps = deltas(observations, BOUNDS), deltas([o for _, os in lived.told for o in os], BOUNDS)
    assert {s: v for s, v in in_steps.items() if any(v)} == {s: v for s, v in at_once.items() if any(v)}
    assert (lived.known.ack.at, lived.known.end.at, lived.known.outcome) == (known.ack.at, known.end.at, known.outcome)
