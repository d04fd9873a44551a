"""What one read of a log adds, in the words of an operator."""

from dataclasses import replace

import pytest

from exporter.flow.advance import advance
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Latency, Total
from exporter.flow.records import FlowRecord, Log
from tests.flow.reading import ALERT_ID, BORN, LIFE, POLICY, UNSEEN, G, ended, latencies, read, records, rejects


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

    assert second == ()
    assert replace(again, read_at=known.read_at, quiet_reads=0) == known
    assert again.quiet_reads == 1


def test_a_shorter_log_adds_nothing_and_takes_nothing_away() -> None:
    """Rows that the server no longer shows stay counted, and are not counted again when they come back."""
    known, _ = read(UNSEEN, ("CREATE", 0), ("CONVERGE", 60), ("CONVERGE", 120), at=130)

    shorter, nothing = read(known, ("CREATE", 0), at=160)
    _, again = read(shorter, ("CREATE", 0), ("CONVERGE", 60), ("CONVERGE", 120), at=190)

    assert nothing == again == ()
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


def test_an_ack_before_the_creation_is_clamped_and_reported() -> None:
    """Clock skew makes no negative latency: it counts as 0 and as rejected."""
    _, observations = read(UNSEEN, ("ACK", -5), ("CREATE", 0), at=10)

    assert latencies(observations) == {Total.TIME_TO_ACK: 0}
    assert rejects(observations) == {"negative_latency": 1}


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


def test_what_shows_up_later_counts_whatever_its_time_claims() -> None:
    """With a wrong time zone every new record looks old; after the first read it still counts."""
    known, _ = read(replace(UNSEEN, counts_from=BORN + 200), ("CREATE", 0), at=300)
    _, observations = read(known, ("CREATE", 0), ("ACK", 100), ("RECOVER", 150), at=320)

    assert records(observations) == {("ACK", "SUCCESS"): 1, ("RECOVER", "SUCCESS"): 1}
    assert latencies(observations) == {Total.TIME_TO_ACK: 100, Total.TIME_TO_END: 150}


def test_an_empty_log_is_no_first_read() -> None:
    """An alert that shows no record at first does not bring its history with the next answer."""
    old = replace(UNSEEN, counts_from=BORN + 10_000)
    known, _ = read(old, at=11_000)
    known, observations = read(known, *LIFE, at=11_030)

    assert observations == ()
    assert known.rested_at is not None


def test_another_time_zone_moves_what_was_not_observed_yet() -> None:
    """When the configured zone is mended, the creation moves with the ACK that follows it."""
    known, _ = read(UNSEEN, ("CREATE", -28_800), at=60)
    known, observations = read(known, ("CREATE", 0), ("ACK", 300), at=310)

    assert latencies(observations) == {Total.TIME_TO_ACK: 300}
    assert known.creation_skew(BORN) == 0


@pytest.mark.parametrize("at", [-BORN, -BORN + 86_400, 86_400 * 3])
def test_a_record_of_an_impossible_time_is_rejected(at: float) -> None:
    """A row from 1970 or from next week neither ends an alert nor times it for decades."""
    known, observations = read(UNSEEN, ("CREATE", at), ("RECOVER", at), at=60)

    assert records(observations) == {}
    assert rejects(observations) == {"create_time": 2}
    assert known.outcome is None


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


def test_what_is_rejected_tells_whose_it_is_and_nothing_else_of_the_alert() -> None:
    """Its source, and its shard where it has one; a shard's series are its owner's alone."""
    sharded = replace(UNSEEN, alert_id="d751713988987e93.1574439660.88", labels=extend(G, shard="3"))
    rows = FlowRecord("RECOVER", "SUCCESS", BORN), FlowRecord("CREATE", "SUCCESS", BORN + 9)
    _, skewed = advance(sharded, Log((*rows, FlowRecord("ACK", "SUCCESS", BORN))), now=BORN + 99, policy=POLICY)
    _, nameless = advance(sharded, Log(rows[:1], {"operate": 1}), now=BORN + 99, policy=POLICY)

    told = {count.labels for count in (*skewed, *nameless) if count.total is Total.RECORDS_REJECTED}
    reasons = "negative_latency", "creation_unknown", "operate"
    assert told == {make_labels({"source": "prod", "shard": "3", "reason": reason}) for reason in reasons}


def test_a_latency_names_its_alert_and_the_read_that_told() -> None:
    """That is the exemplar of its bucket: the time of the read, for an ACK may be found late."""
    _, told = read(UNSEEN, *LIFE, at=1000)

    named = {o.total: (o.alert_id, o.read_at) for o in told if isinstance(o, Latency)}
    assert named == dict.fromkeys(
        (Total.TIME_TO_ACK, Total.TIME_TO_FIRST_ACTION, Total.TIME_TO_END), (ALERT_ID, BORN + 1000)
    )
