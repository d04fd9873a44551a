"""What holds of `advance` for every history, however it is polled."""

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, make_labels
from exporter.flow.observations import NOTHING, Count, Observations, Total
from exporter.flow.records import FlowRecord, Log

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
)
Totals = Counter[tuple[Total, Labels, float | None]]


def totals(*reads: Observations) -> Totals:
    """Add up observations: amounts by series, and latencies by series and length."""
    added: Totals = Counter()
    for observation in (o for observations in reads for o in observations):
        if isinstance(observation, Count):
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
        assert (replace(again, quiet_reads=known.quiet_reads), nothing) == (known, NOTHING)


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


def by_operate(reads: list[Observations]) -> Counter[str]:
    """Return the counted records by operate."""
    counted: Counter[str] = Counter()
    for (total, labels, _), amount in totals(*reads).items():
        if total is Total.RECORDS:
            counted[dict(labels)["operate"]] += amount
    return counted
