"""The worked example of docs/ack-times.md: its table is read, its alerts are lived, its sums are done again."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from exporter.config import parse_duration
from exporter.flow.advance import see
from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Latency, Observation, Total
from exporter.flow.sightings import Sighting
from tests.flow.reading import ALERT_ID, BORN, POLICY, UNSEEN, read

PAGE = (Path(__file__).parents[2] / "docs" / "ack-times.md").read_text()
TARGETS = AckTargets([AckTarget({"severity": "fatal"}, 300.0, 0.99), AckTarget({"severity": "warning"}, 1800.0, 0.95)])
EVENING = 80_000.0  # seconds after birth at which the day is looked back upon
NOTHING = {"none", "never", "no"}


def seconds(text: str) -> float | None:
    """Return the duration in a cell of the table, which may have a word before or after it."""
    return None if text in NOTHING else parse_duration(next(word for word in text.split() if word[0].isdigit()))


@dataclass(frozen=True)
class Row:
    """A row of the table; durations in seconds since the creation."""

    name: str
    severity: str
    shielded: float | None
    acked: float | None
    ended: float | None
    outcome: str
    time_to_ack: float | None
    deadline: str
    ack_duration: float | None


def rows() -> list[Row]:
    """Return the table of the page."""
    cells = [tuple(map(str.strip, line.strip("| ").split("|"))) for line in re.findall(r"^\| [A-G] \|.*$", PAGE, re.M)]
    return [
        Row(
            name,
            severity,
            seconds(shielded),
            seconds(acked),
            seconds(ended),
            ended.split()[-1],
            seconds(ours),
            deadline,
            seconds(theirs),
        )
        for name, severity, shielded, acked, ended, ours, deadline, theirs in cells
    ]


def lived(row: Row) -> tuple[KnownAlert, tuple[Observation, ...]]:
    """Return what is known of an alert in the evening, and all that it added to the totals until then."""
    labels = make_labels({"source": "prod", "severity": row.severity})
    known = replace(UNSEEN, labels=labels, ack_target=TARGETS.within(labels))
    if row.shielded is not None:
        known = see(known, Sighting(ALERT_ID, is_shielded=True), BORN + row.shielded)
    ending = {"recovered": "RECOVER", "closed": "CLOSE"}
    events = [("ACK", row.acked), (ending.get(row.outcome, ""), row.ended)]
    log = [("CREATE", 0.0), *((operate, at) for operate, at in events if at is not None)]
    known, first = read(known, *log, at=EVENING)
    return known, first


def told() -> list[Observation]:
    """Return what all alerts of the day add to the totals."""
    return [observation for row in rows() for observation in lived(row)[1]]


def counted(total: Total, label: str) -> Counter[str]:
    """Return the counts of a total by one of its labels."""
    counts: Counter[str] = Counter()
    for count in told():
        if isinstance(count, Count) and count.total is total:
            counts[dict(count.labels)[label]] += count.amount
    return counts


def test_the_table_says_of_each_alert_what_we_say() -> None:
    """Time to ack and result of the deadline are those that reading the alert's log tells."""
    assert POLICY.max_age > EVENING
    assert [row.name for row in rows()] == list("ABCDEFG")
    for row in rows():
        known, observations = lived(row)
        times = [o.seconds for o in observations if isinstance(o, Latency) and o.total is Total.TIME_TO_ACK]
        assert times == ([] if row.time_to_ack is None else [row.time_to_ack]), row.name
        results = {dict(o.labels)["result"] for o in observations if _is_deadline(o)}
        assert results == (set() if row.deadline == "none" else {row.deadline}), row.name
        assert known.is_acked == (row.acked is not None), row.name


def _is_deadline(observation: Observation) -> bool:
    return isinstance(observation, Count) and observation.total is Total.ACK_DEADLINES and observation.amount > 0


def test_the_sums_are_ours() -> None:
    """Count, sum, mean, deadlines and ends, as the page adds them up."""
    times = [o.seconds for o in told() if isinstance(o, Latency) and o.total is Total.TIME_TO_ACK]

    assert (len(times), sum(times), sum(times) / len(times)) == (3, 5670, parse_duration("31m30s"))
    assert [sum(time <= bound for time in times) for bound in (30, 300)] == [1, 2]
    assert counted(Total.ACK_DEADLINES, "result") == {"met": 2, "missed": 2, "ended": 2}
    assert counted(Total.ALERTS_ENDED, "acked") == {"true": 2, "false": 3}
    open_ = [known for known, _ in map(lived, rows()) if known.is_open]
    assert sorted(known.is_acked for known in open_) == [False, True]
    for text in ("_count = 3\n", "= 5670\n", "31m30s", "met 2 (A, F) + missed 2 (D, E) + ended 2 (B, G)"):
        assert text in PAGE


def test_the_mean_is_bluekings() -> None:
    """Over the ended alerts with at least 60 seconds, cut to the sum of the times to the end."""
    ended = [row for row in rows() if row.ended is not None and row.ack_duration is not None and row.ack_duration >= 60]
    acks, ends = sum(row.ack_duration or 0 for row in ended), sum(row.ended or 0 for row in ended)

    assert [row.name for row in ended] == ["A", "B", "C", "G"]
    assert min(acks, ends) / len(ended) == parse_duration("3m30s") == 210
    assert sum(row.acked is not None for row in ended) == 1


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_bluekings_time_ends_with_whatever_comes_first(row: Row) -> None:
    """Acknowledgement, shield or end: the first of them that there is."""
    firsts = [at for at in (row.acked, row.shielded, row.ended) if at is not None]

    assert row.ack_duration == min(firsts, default=None)
