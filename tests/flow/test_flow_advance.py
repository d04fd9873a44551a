"""What one read of a log adds, in the words of an operator."""

from collections import Counter
from dataclasses import replace

import pytest

from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert, Milestone, Outcome, counting_start, creation_from_id
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import NOTHING, Count, Latency, Observations, Total
from exporter.flow.records import OTHER, FlowRecord, Log, open_name

BORN = 1_700_000_000.0
ALERT_ID = "170000000000042"
G = make_labels({"source": "prod", "team": "payments"})
UNSEEN = KnownAlert("prod", ALERT_ID, G, first_seen_at=BORN)
POLICY = Policy(settle=10, max_age=86_400)


def log(*rows: tuple[str, float] | FlowRecord) -> Log:
    """Return a log of (operate, seconds after birth) pairs, given oldest first."""
    records = [row if isinstance(row, FlowRecord) else FlowRecord(row[0], "SUCCESS", BORN + row[1]) for row in rows]
    return Log(tuple(reversed(records)))


def read(known: KnownAlert, *rows: tuple[str, float] | FlowRecord, at: float) -> tuple[KnownAlert, Observations]:
    """Advance by a log of `rows`, read `at` seconds after birth."""
    return advance(known, log(*rows), now=BORN + at, policy=POLICY)


def records(observations: Observations) -> dict[tuple[str, str], int]:
    """Return the counted records by operate and status."""
    counted = {}
    for count in observations:
        if count.total is Total.RECORDS and isinstance(count, Count):
            labels = dict(count.labels)
            counted[labels["operate"], labels["status"]] = count.amount
    return counted


def latencies(observations: Observations) -> dict[Total, float]:
    """Return the observed seconds by total."""
    return {o.total: o.seconds for o in observations if isinstance(o, Latency)}


def rejects(observations: Observations) -> dict[str, int]:
    """Return the rejected rows by reason."""
    rejected: Counter[str] = Counter()
    for count in observations:
        if count.total is Total.RECORDS_REJECTED and isinstance(count, Count):
            rejected[dict(count.labels)["reason"]] += count.amount
    return rejected


def ended(observations: Observations) -> list[dict[str, str]]:
    """Return the labels of each counted end."""
    return [dict(o.labels) for o in observations if o.total is Total.ALERTS_ENDED]


LIFE = (("CREATE", 0), ("ACTION", 3), ("CONVERGE", 60), ("ACK", 300), ("RECOVER", 900))


def test_a_whole_life_in_one_read() -> None:
    """An alert that ended long ago is counted, timed and laid to rest by a single read."""
    known, observations = read(UNSEEN, *LIFE, at=2000)

    assert records(observations) == {(operate, "SUCCESS"): 1 for operate, _ in LIFE}
    assert latencies(observations) == {
        Total.TIME_TO_ACK: 300,
        Total.TIME_TO_FIRST_ACTION: 3,
        Total.TIME_TO_END: 900,
    }
    assert ended(observations) == [{"source": "prod", "team": "payments", "outcome": "recovered", "acked": "true"}]
    assert known.rested_at == BORN + 2000


def test_polling_twice_adds_nothing() -> None:
    """A log that was already counted leaves every total as it is."""
    known, _ = read(UNSEEN, *LIFE, at=2000)

    again, second = read(known, *LIFE, at=2060)

    assert second == NOTHING
    assert replace(again, read_at=known.read_at) == known


def test_a_shorter_log_adds_nothing_and_takes_nothing_away() -> None:
    """Rows that the server no longer shows stay counted, and are not counted again when they come back."""
    known, _ = read(UNSEEN, ("CREATE", 0), ("CONVERGE", 60), ("CONVERGE", 120), at=130)

    shorter, nothing = read(known, ("CREATE", 0), at=160)
    _, again = read(shorter, ("CREATE", 0), ("CONVERGE", 60), ("CONVERGE", 120), at=190)

    assert nothing == again == NOTHING
    assert shorter.counted == {"CREATE": 1, "CONVERGE": 2}


def test_rolling_rows_are_counted_as_shown() -> None:
    """The sliding times of merged CONVERGE rows are no new records (api.md)."""
    known, first = read(UNSEEN, ("CREATE", 0), ("CONVERGE", 60), at=70)
    known, second = read(known, ("CREATE", 0), ("CONVERGE", 60), ("CONVERGE", 120), at=130)
    known, third = read(known, ("CREATE", 0), ("CONVERGE", 120), ("CONVERGE", 180), at=190)

    assert [sum(records(o).values()) for o in (first, second, third)] == [2, 1, 0]


def test_identical_rows_are_all_counted() -> None:
    """Two rows alike to the byte are two records."""
    _, observations = read(UNSEEN, ("CREATE", 0), ("ACTION", 5), ("ACTION", 5), at=10)

    assert records(observations)["ACTION", "SUCCESS"] == 2


def test_new_rows_count_under_the_status_of_the_newest() -> None:
    """Of three notices of which two were counted, the newest gives the status."""
    old = (("CREATE", 0.0), ("ACTION", 5.0), ("ACTION", 6.0))
    known, _ = read(UNSEEN, *old, at=10)

    _, observations = read(known, *old, FlowRecord("ACTION", "FAILED", BORN + 20), at=30)

    assert records(observations) == {("ACTION", "FAILED"): 1}


def test_an_acknowledgement_is_observed_once() -> None:
    """A second ACK, as when two people race, is a record but no second time to ack."""
    known, first = read(UNSEEN, ("CREATE", 0), ("ACK", 100), at=110)
    _, second = read(known, ("CREATE", 0), ("ACK", 100), ("ACK", 130), at=140)

    assert latencies(first) == {Total.TIME_TO_ACK: 100}
    assert latencies(second) == {}
    assert records(second) == {("ACK", "SUCCESS"): 1}


def test_recovery_is_no_acknowledgement() -> None:
    """An alert that recovers un-acked has no time to ack, and says so when it ends."""
    _, observations = read(UNSEEN, ("CREATE", 0), ("RECOVER", 50), at=100)

    assert Total.TIME_TO_ACK not in latencies(observations)
    assert ended(observations)[0]["acked"] == "false"


def test_an_acknowledgement_after_the_end_does_not_make_the_end_acked() -> None:
    """An ACK that lost the race against the recovery is timed, but the alert ended un-acked."""
    _, observations = read(UNSEEN, ("CREATE", 0), ("RECOVER", 50), ("ACK", 51), at=100)

    assert ended(observations)[0]["acked"] == "false"
    assert latencies(observations)[Total.TIME_TO_ACK] == 51


def test_an_ack_before_the_creation_is_clamped_and_reported() -> None:
    """Clock skew makes no negative latency: it counts as 0 and as rejected."""
    _, observations = read(UNSEEN, ("ACK", -5), ("CREATE", 0), at=10)

    assert latencies(observations) == {Total.TIME_TO_ACK: 0}
    assert rejects(observations) == {"negative_latency": 1}


def test_the_end_waits_for_late_records() -> None:
    """An ACK whose row comes after the row of the end still makes the end an acknowledged one."""
    known, at_end = read(UNSEEN, ("CREATE", 0), ("RECOVER", 100), at=101)
    settled, after = read(known, ("CREATE", 0), ("ACK", 90), ("RECOVER", 100), at=111)

    assert ended(at_end) == []
    assert (known.is_open, known.rested_at, known.settles_at) == (False, None, BORN + 110)
    assert ended(after)[0]["acked"] == "true"
    assert latencies(after) == {Total.TIME_TO_ACK: 90, Total.TIME_TO_END: 100}
    assert settled.rested_at == BORN + 111


def test_the_earliest_end_wins_also_when_it_comes_late() -> None:
    """A CLOSE that turns out to lie before the RECOVER is how the alert ended."""
    known, _ = read(UNSEEN, ("CREATE", 0), ("RECOVER", 100), at=101)
    known, observations = read(known, ("CREATE", 0), ("CLOSE", 95), ("RECOVER", 100), at=120)

    assert known.outcome is Outcome.CLOSED
    assert latencies(observations) == {Total.TIME_TO_END: 95}


def test_an_end_in_the_future_settles_all_the_same() -> None:
    """A server whose clock or zone is hours ahead does not keep an ended alert from its rest."""
    known, _ = read(UNSEEN, ("CREATE", 0), ("RECOVER", 28_800), at=100)

    assert known.settles_at == BORN + 110


@pytest.mark.parametrize(
    ("operate", "outcome"),
    [
        ("RECOVER", Outcome.RECOVERED),
        ("SYSTEM_RECOVER", Outcome.RECOVERED),
        ("CLOSE", Outcome.CLOSED),
        ("SYSTEM_CLOSE", Outcome.CLOSED),
    ],
)
def test_each_terminal_operate_has_its_outcome(operate: str, outcome: Outcome) -> None:
    """The four ways to end are two outcomes."""
    known, _ = read(UNSEEN, ("CREATE", 0), (operate, 60), at=100)

    assert known.outcome is outcome


def test_without_an_end_an_alert_expires() -> None:
    """An alert that shows no end within max_age rests, is counted as expired, and has no time to end."""
    known, observations = read(UNSEEN, ("CREATE", 0), ("ACK", 5), at=86_400)

    assert known.rested_at == BORN + 86_400
    assert ended(observations)[0]["outcome"] == "expired"
    assert Total.TIME_TO_END not in latencies(observations)


def test_first_action_is_a_notice_or_an_action() -> None:
    """Time to first action runs to the earlier of ACTION and ANOMALY_NOTICE."""
    _, observations = read(UNSEEN, ("CREATE", 0), ("ANOMALY_NOTICE", 4), ("ACTION", 6), at=10)

    assert latencies(observations) == {Total.TIME_TO_FIRST_ACTION: 4}


def test_anomaly_count_is_the_sum_as_last_read() -> None:
    """Merged or split CONVERGE rows keep the sum; rows without the field give none."""
    rows = [FlowRecord("CONVERGE", "SUCCESS", BORN + 60, 50), FlowRecord("CONVERGE", "SUCCESS", BORN + 120, 12)]

    both, _ = read(UNSEEN, *rows, at=130)
    merged, _ = read(both, FlowRecord("CONVERGE", "SUCCESS", BORN + 120, 62), at=140)
    bare, _ = read(merged, ("CONVERGE", 60), at=150)

    assert [known.anomaly_count for known in (both, merged, bare)] == [62, 62, None]


def test_history_before_the_start_is_noted_not_counted() -> None:
    """An alert first seen late adds only what happened from its counts_from on."""
    late = replace(UNSEEN, counts_from=BORN + 200)

    known, observations = read(late, *LIFE, at=2000)

    assert records(observations) == {("ACK", "SUCCESS"): 1, ("RECOVER", "SUCCESS"): 1}
    assert latencies(observations) == {Total.TIME_TO_ACK: 300, Total.TIME_TO_END: 900}
    assert known.counted == {operate: 1 for operate, _ in LIFE}


@pytest.mark.parametrize("rows", [LIFE, LIFE[:3]], ids=["ended", "expired"])
def test_an_old_life_is_noted_whole(rows: tuple[tuple[str, float], ...]) -> None:
    """An alert that was over before its counts_from rests without adding anything."""
    old = replace(UNSEEN, counts_from=BORN + 100_000)

    known, observations = read(old, *rows, at=110_000)

    assert observations == NOTHING
    assert known.rested_at is not None


def test_what_shows_up_later_counts_whatever_its_time_claims() -> None:
    """With a wrong time zone every new record looks old; after the first read it still counts."""
    known, _ = read(replace(UNSEEN, counts_from=BORN + 200), ("CREATE", 0), at=300)
    _, observations = read(known, ("CREATE", 0), ("ACK", 100), ("RECOVER", 150), at=320)

    assert records(observations) == {("ACK", "SUCCESS"): 1, ("RECOVER", "SUCCESS"): 1}
    assert latencies(observations) == {Total.TIME_TO_ACK: 100, Total.TIME_TO_END: 150}


def test_creation_without_a_create_record_is_in_the_id() -> None:
    """The first ten digits of today's ids are the creation in unix seconds."""
    known, observations = read(UNSEEN, ("ACK", 77), at=80)

    assert (known.created_at, known.creation_recorded) == (BORN, False)
    assert latencies(observations) == {Total.TIME_TO_ACK: 77}


def test_a_create_record_overrules_the_id() -> None:
    """The CREATE record, also one that comes late, tells the creation."""
    known, _ = read(UNSEEN, at=1)
    known, observations = read(known, ("CREATE", 2), ("ACK", 12), at=20)

    assert known.created_at == BORN + 2
    assert latencies(observations) == {Total.TIME_TO_ACK: 10}


def test_an_unknown_creation_is_waited_for_then_reported() -> None:
    """Without any creation a latency is not invented: it is rejected once the alert rests."""
    nameless = replace(UNSEEN, alert_id="d751713988987e93.1574439660.88")

    known, first = read(nameless, ("ACK", 10), at=20)
    _, last = read(known, ("ACK", 10), ("RECOVER", 30), at=50)

    assert latencies(first) == latencies(last) == {}
    assert rejects(last) == {"creation_unknown": 2}
    assert len(ended(last)) == 1


def test_unreadable_rows_are_counted_once() -> None:
    """A row that cannot be read is rejected at the first poll that shows it, not at each."""
    known, first = advance(UNSEEN, Log((), {"operate": 2}), now=BORN, policy=POLICY)
    _, second = advance(known, Log((), {"operate": 3}), now=BORN + 30, policy=POLICY)

    assert (rejects(first), rejects(second)) == ({"operate": 2}, {"operate": 1})


@pytest.mark.parametrize(
    ("alert_id", "created_at"),
    [
        ("164239028644167", 1_642_390_286),
        ("16423902869000123", 1_642_390_286),
        ("1642390286", 1_642_390_286),
        ("164239028", None),
        ("9999999999123", None),
        ("0000000001123", None),
        ("d751713988987e9331980363e24189ce", None),
        ("١٦٤٢٣٩٠٢٨٦٤٤", None),
    ],
)
def test_the_id_tells_a_plausible_creation_only(alert_id: str, created_at: float | None) -> None:
    """Ids of another make, or of another century, tell no creation."""
    assert creation_from_id(alert_id, now=BORN) == created_at


def test_creation_skew_compares_record_and_id() -> None:
    """A CREATE record eight hours off its id shows a wrong time zone."""
    known, _ = read(UNSEEN, ("CREATE", 28_800), at=60)
    derived, _ = read(UNSEEN, ("ACK", 5), at=60)

    assert known.creation_skew(BORN) == 28_800
    assert derived.creation_skew(BORN) is None


def test_counting_starts_at_the_earlier_of_window_and_last_good_cycle() -> None:
    """A long down-time widens the window; a fresh watch has only the window."""
    assert counting_start(1000, 60, None) == 940
    assert counting_start(1000, 60, 500) == 500
    assert counting_start(1000, 60, 990) == 940


@pytest.mark.parametrize("name", ["A", "ACK", "NOISE_REDUCE", "X" * 64])
def test_unknown_names_keep_their_own(name: str) -> None:
    """Operates and statuses are open sets."""
    assert open_name(name) == name


@pytest.mark.parametrize("name", ["", "ack", "1ACK", "A B", "X" * 65, "ÄCK", "ACK\n", None, 7, ["ACK"]])
def test_what_is_no_name_is_other(name: object) -> None:
    """Anything without the shape of a name shares one label value."""
    assert open_name(name) == OTHER


def test_labels_have_one_order() -> None:
    """Equal label sets are equal values, however they were made."""
    assert extend(make_labels({"b": "2"}), a="1") == make_labels({"a": "1", "b": "2"}) == (("a", "1"), ("b", "2"))


def test_a_milestone_is_open_by_default() -> None:
    """Nothing has happened to an alert that nobody read."""
    assert UNSEEN.ack == Milestone()
    assert not UNSEEN.is_open
