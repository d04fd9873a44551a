"""What reading a log adds to the totals: counts and latencies, each with the labels of its series."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.flow.labels import Labels


class Total(StrEnum):
    """The totals that observations add to; the metric table gives them their public names."""

    RECORDS = "records"
    RECORDS_REJECTED = "records_rejected"
    ALERTS_ENDED = "alerts_ended"
    TIME_TO_ACK = "time_to_ack"
    TIME_TO_FIRST_ACTION = "time_to_first_action"
    TIME_TO_END = "time_to_end"


@dataclass(frozen=True, slots=True)
class Count:
    """`amount` more of what `total` counts."""

    total: Total
    labels: Labels
    amount: int


@dataclass(frozen=True, slots=True)
class Latency:
    """One duration in seconds, never negative, for the histogram `total`."""

    total: Total
    labels: Labels
    seconds: float


Observation = Count | Latency
Observations = tuple[Observation, ...]
"""All that one read of one log adds to the totals."""

NOTHING: Observations = ()
