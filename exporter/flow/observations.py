"""What reading a log adds to the totals: counts and latencies, each with the labels of its series."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.flow.labels import Labels, make_labels
from exporter.flow.shards import SHARD

WHOSE = frozenset({"source", SHARD})
"""The labels that tell whose a series is, which no limit takes away."""


class Total(StrEnum):
    """The totals that observations add to; the metric table gives them their public names."""

    RECORDS = "records"
    RECORDS_REJECTED = "records_rejected"
    ALERTS_ENDED = "alerts_ended"
    ACK_DEADLINES = "ack_deadlines"
    TIME_TO_ACK = "time_to_ack"
    TIME_TO_FIRST_ACTION = "time_to_first_action"
    TIME_TO_END = "time_to_end"


@dataclass(frozen=True, slots=True)
class Count:
    """`amount` more of what `total` counts; 0 only sees to it that the series is born before its first event."""

    total: Total
    labels: Labels
    amount: int


@dataclass(frozen=True, slots=True)
class Latency:
    """One duration in seconds, never negative, for the histogram `total`.

    `alert_id` is the alert that it was observed of, empty where none is to be named, and `read_at` when its log told,
    in unix seconds.
    """

    total: Total
    labels: Labels
    seconds: float
    alert_id: str = ""
    read_at: float = 0.0


Observation = Count | Latency
Observations = tuple[Observation, ...]
"""All that one read of one log adds to the totals."""


def rejected(labels: Labels, reason: str, amount: int) -> Count:
    """Return the observation of rows that could not be read, or latencies that could not be told.

    `labels` are those of the alert; none but those in `WHOSE` stay.
    """
    whose = {name: value for name, value in labels if name in WHOSE}
    return Count(Total.RECORDS_REJECTED, make_labels({**whose, "reason": reason}), amount)
