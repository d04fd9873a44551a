"""What holds of `advance` for every history, however it is polled."""

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.flow.advance import Policy, advance, see
from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, make_labels
from exporter.flow.observations import Count, Observations, Total
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Outcome, Sighting

BORN = 1_700_000_000
POLICY = Policy(settle=10, max_age=10**9)
AFTER_ALL = BORN + 10_000

OPERATES = st.sampled_from(["CONVERGE", "ACK", "ACTION", "ANOMALY_NOTICE", "EVENT_DROP", "RECOVER", "CLOSE", "X"])
RECORDS = st.builds(
    FlowRecord,
    operate=OPERATES,
    status=st.sampled_from(["SUCCESS", "FAILED"]),
    created_at=st.integers(BORN, BORN + 1000).map(float),
    anomaly_count=st.none() | st.integers(0, 50),
)
BIRTH = FlowRecord("CREATE", "SUCCESS", float(BORN))
HISTORIES = st.builds(
    lambda births, rows: [*births, *sorted(rows, key=lambda row: row.created_at)],
    st.lists(st.just(BIRTH), max_size=2),
    st.lists(RECORDS, max_size=25),
)
UNSEEN = st.builds(
    KnownAlert,
    source=st.just("prod"),
    alert_id=st.sampled_from(["170000000000042", "not-a-number"]),
    labels=st.just(make_labels({"source": "prod"})),
    first_seen_at=st.just(float(BORN)),
    ack_target=st.none() | st.integers(1, 1200).map(float),
)
Totals = Counter[tuple[Total, Labels, float | None]]


def totals(*reads: Observations) -> Totals:
    """Add up observations: amounts by series, and latencies by series and length."""
    added: Totals = Counter()
    for observation in (o for observations in reads for o in observations):
        if isinstance(observation, Count):
            if observation.amount or observation.total is not Total.ACK_DEADLINES:  # 0 is a birth
                added[observation.total, observation.labels, None] += observation.amount
        else:
            added[observation.total, observation.labels, observation.seconds] += 1
    return added


def newest_first(rows: list[FlowRecord]) -> Log:
    """Return the log of a history, as an answer has it."""
    return Log(tuple(reversed(rows)))


@given(unseen=UNSEEN, history=HISTORIES, data=st.data())
def test_any_split_of_a_history_into_polls_gives_the_same_totals(
    unseen: KnownAlert, history: list[FlowRecord], data: st.DataObject
) -> None:
    """However often and whenever one asks, the totals are those of one read of the complete history."""
    _, at_once = advance(unseen, newest_first(history), now=AFTER_ALL, policy=POLICY)

    polled_at = sorted(data.draw(st.lists(st.integers(BORN, BORN + 1100), max_size=12)))
    known, reads = unseen, []
    for now in [*map(float, polled_at), AFTER_ALL]:
        visible = [row for row in history if row.created_at <= now]
        known, observations = advance(known, newest_first(visible), now=now, policy=POLICY)
        reads.append(observations)

    assert totals(*reads) == totals(at_once)


@given(unseen=UNSEEN, histories=st.lists(HISTORIES, max_size=6))
def test_totals_never_fall_and_reading_again_adds_nothing(
    unseen: KnownAlert, histories: list[list[FlowRecord]]
) -> None:
    """Whatever a server answers, in whatever order, each read adds only, and the same read again adds nothing."""
    known = unseen
    for step, history in enumerate(histories):
        now = float(AFTER_ALL + step)
        known, observations = advance(known, newest_first(history), now=now, policy=POLICY)
        again, nothing = advance(known, newest_first(history), now=now, policy=POLICY)

        assert all(amount > 0 for amount in totals(observations).values())
        assert all(seconds is None or seconds >= 0 for _, _, seconds in totals(observations))
        assert (replace(again, quiet_reads=known.quiet_reads), nothing) == (known, ())


@given(unseen=UNSEEN, history=HISTORIES, now=st.integers(BORN, AFTER_ALL))
def test_the_input_stays_untouched(unseen: KnownAlert, history: list[FlowRecord], now: int) -> None:
    """What was known and what was read are as before."""
    log = newest_first(history)
    before = deepcopy((unseen, log))

    advance(unseen, log, now=float(now), policy=POLICY)

    assert (unseen, log) == before


@given(unseen=UNSEEN, history=HISTORIES, shown=st.data())
def test_records_are_counted_to_the_high_water_mark(
    unseen: KnownAlert, history: list[FlowRecord], shown: st.DataObject
) -> None:
    """Per operate, what is counted over all reads is the largest number of rows that one read showed."""
    known, reads, most = unseen, [], Counter[str]()
    for step in range(4):
        rows = [row for row in history if shown.draw(st.booleans())]
        known, observations = advance(known, newest_first(rows), now=float(AFTER_ALL + step), policy=POLICY)
        reads.append(observations)
        most |= Counter(row.operate for row in rows)

    assert by_operate(reads) == most


def rolled(rows: list[FlowRecord]) -> list[FlowRecord]:
    """Return a history as today's servers show it: of each run of CONVERGE the newest, and one for all older ones."""
    shown: list[FlowRecord] = []
    for operate, rows_of_run in groupby(rows, key=lambda row: row.operate):
        run = list(rows_of_run)
        shown += run[-2:] if operate == "CONVERGE" else run
    return shown


@given(unseen=UNSEEN, history=HISTORIES, data=st.data())
def test_a_rolling_view_counts_as_it_shows_in_the_end(
    unseen: KnownAlert, history: list[FlowRecord], data: st.DataObject
) -> None:
    """However often one looks while the server merges rows, the totals are those of its last answer."""
    _, at_once = advance(unseen, newest_first(rolled(history)), now=AFTER_ALL, policy=POLICY)

    known, reads = unseen, []
    for now in [*sorted(data.draw(st.lists(st.integers(BORN, BORN + 1100), max_size=12))), AFTER_ALL]:
        visible = rolled([row for row in history if row.created_at <= now])
        known, observations = advance(known, newest_first(visible), now=float(now), policy=POLICY)
        reads.append(observations)

    assert by_operate(reads) == by_operate([at_once])


@given(unseen=UNSEEN, history=HISTORIES, start=st.integers(BORN, BORN + 1000), first=st.integers(BORN, BORN + 1100))
def test_at_first_sight_only_what_is_older_than_the_start_is_left_out(
    unseen: KnownAlert, history: list[FlowRecord], start: int, first: int
) -> None:
    """Of the first read that shows any, the records from `counts_from` on count, and every one that shows up later."""
    known, reads = replace(unseen, counts_from=float(start)), []
    for now in (float(first), float(AFTER_ALL)):
        visible = [row for row in history if row.created_at <= now]
        known, observations = advance(known, newest_first(visible), now=now, policy=POLICY)
        reads.append(observations)

    was_read = any(row.created_at <= first for row in history)
    expected = (row for row in history if row.created_at >= start or (was_read and row.created_at > first))
    assert by_operate(reads) == Counter(row.operate for row in expected)


@given(unseen=UNSEEN, history=HISTORIES, polled_at=st.lists(st.integers(BORN, AFTER_ALL), max_size=12))
def test_each_alert_with_a_target_comes_to_exactly_one_result(
    unseen: KnownAlert, history: list[FlowRecord], polled_at: list[int]
) -> None:
    """Whenever one asks: once, unless nothing tells when it was created."""
    known, reads = unseen, []
    for now in [*sorted(polled_at), AFTER_ALL]:
        visible = [row for row in history if row.created_at <= now]
        known, observations = advance(known, newest_first(visible), now=float(now), policy=POLICY)
        reads.append(observations)

    told = sum(amount for (total, _, _), amount in totals(*reads).items() if total is Total.ACK_DEADLINES)
    assert told == int(unseen.ack_target is not None and known.created_at is not None)


ENDS = {"RECOVER": Outcome.RECOVERED, "CLOSE": Outcome.CLOSED}
LOOKS = st.lists(st.tuples(st.booleans(), st.integers(BORN, BORN + 1400)), max_size=12)


def sighting(unseen: KnownAlert, rows: list[FlowRecord], *, shielded: bool) -> Sighting:
    """Return what a search tells of an alert that has these rows so far."""
    # As `advance` decides between two ends of one second.
    end = min((row for row in rows if row.operate in ENDS), key=lambda row: (row.created_at, row.operate), default=None)
    return Sighting(
        unseen.alert_id,
        is_acked=any(row.operate == "ACK" for row in rows),
        is_shielded=shielded,
        created_at=float(BORN),
        ended_at=None if end is None else end.created_at,
        outcome=None if end is None else ENDS[end.operate],
    )


@given(unseen=UNSEEN, history=HISTORIES, looks=LOOKS, shielded=st.booleans())
def test_searches_between_the_reads_change_no_total(
    unseen: KnownAlert, history: list[FlowRecord], looks: list[tuple[bool, int]], shielded: bool
) -> None:
    """Where a search tells what the records tell, it does not matter when and how often one searches and reads."""
    last = sighting(unseen, history, shielded=shielded)
    _, at_once = advance(see(unseen, last, AFTER_ALL), newest_first(history), now=AFTER_ALL, policy=POLICY)

    known, reads = see(unseen, sighting(unseen, [], shielded=shielded), BORN), []
    for is_search, now in [*sorted(looks, key=lambda look: look[1]), (True, AFTER_ALL), (False, AFTER_ALL)]:
        visible = [row for row in history if row.created_at <= now]
        if is_search:
            known = see(known, sighting(unseen, visible, shielded=shielded), float(now))
        else:
            known, observations = advance(known, newest_first(visible), now=float(now), policy=POLICY)
            reads.append(observations)

    assert totals(*reads) == totals(at_once)


@given(
    unseen=UNSEEN,
    history=HISTORIES,
    looks=LOOKS,
    acked_at=st.integers(BORN, BORN + 1400),
    ended_at=st.none() | st.integers(BORN, BORN + 1400),
    unshielded_at=st.integers(BORN, BORN + 1400),
)
def test_whatever_searches_tell_nothing_counts_twice_and_a_late_ack_is_never_met(
    unseen: KnownAlert,
    history: list[FlowRecord],
    looks: list[tuple[bool, int]],
    acked_at: int,
    ended_at: int | None,
    unshielded_at: int,
) -> None:
    """Also of acknowledgements and ends that no record tells, and of shields that go."""
    history = [row for row in history if row.operate != "ACK"]
    known, reads = unseen, []
    for is_search, now in [*sorted(looks, key=lambda look: look[1]), (False, AFTER_ALL), (False, AFTER_ALL + 1000)]:
        visible = [row for row in history if row.created_at <= now]
        if is_search:
            is_over = ended_at is not None and ended_at <= now
            told = Sighting(
                unseen.alert_id,
                is_acked=acked_at <= now,
                is_shielded=now < unshielded_at,
                created_at=float(BORN),
                outcome=Outcome.CLOSED if is_over else None,
                ended_at=float(ended_at) if is_over and ended_at is not None else None,
            )
            known = see(known, told, float(now))
        else:
            known, observations = advance(known, newest_first(visible), now=float(now), policy=POLICY)
            reads.append(observations)

    counted = totals(*reads)
    for once in set(Total) - {Total.RECORDS, Total.RECORDS_REJECTED}:
        assert sum(amount for (total, _, _), amount in counted.items() if total is once) <= 1
    results = {dict(labels)["result"] for total, labels, _ in counted if total is Total.ACK_DEADLINES}
    if unseen.ack_target is not None and acked_at > BORN + unseen.ack_target:
        assert "met" not in results


@settings(deadline=None)  # each example is polled twice, which takes its time on a busy machine
@given(
    history=st.lists(RECORDS, max_size=25).map(lambda rows: [BIRTH, *sorted(rows, key=lambda row: row.created_at)]),
    polled_at=st.lists(st.integers(BORN, BORN + 1400), max_size=12),
    target=st.integers(1, 1200),
    quarters=st.integers(-4 * 14, 4 * 14),
)
def test_a_wrong_time_zone_changes_no_total(
    history: list[FlowRecord], polled_at: list[int], target: int, quarters: int
) -> None:
    """Records that are all off by some quarters of an hour come to the same latencies, ends and results."""
    unseen = KnownAlert("prod", f"{BORN}00042", make_labels({"source": "prod"}), BORN, ack_target=float(target))

    def told(off: float) -> Totals:
        known, reads = unseen, []
        # An end that seems to lie ahead settles from its first sight on, so that needs another read.
        for now in [*sorted(polled_at), AFTER_ALL, AFTER_ALL + 10]:
            visible = [replace(row, created_at=row.created_at + off) for row in history if row.created_at <= now]
            known, observations = advance(known, newest_first(visible), now=float(now), policy=POLICY)
            reads.append(observations)
        return totals(*reads)

    assert told(900.0 * quarters) == told(0.0)


def by_operate(reads: list[Observations]) -> Counter[str]:
    """Return the counted records by operate."""
    counted: Counter[str] = Counter()
    for (total, labels, _), amount in totals(*reads).items():
        if total is Total.RECORDS:
            counted[dict(labels)["operate"]] += amount
    return counted
