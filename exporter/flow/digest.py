"""A log in short: what `advance` needs of its rows, taken off them in one pass."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exporter.flow.known import plausible_times
from exporter.flow.records import FlowRecord, Log, Operate


@dataclass(frozen=True, slots=True)
class Digest:
    """The readable rows of a log, newest first, and per operate how many there are and when the earliest was.

    `anomaly_count` is the sum over the CONVERGE rows, None where none tells one: the server may merge or split the
    records of adjacent periods; their sum stays (api.md).
    """

    records: Sequence[FlowRecord]
    shown: Mapping[str, int]
    earliest: Mapping[str, float]
    rejected: Mapping[str, int]
    anomaly_count: int | None

    def first(self, operates: Iterable[str]) -> float | None:
        """Return when the earliest row of these operates was, in unix seconds."""
        return min((self.earliest[operate] for operate in operates if operate in self.earliest), default=None)


def digest(log: Log, now: float) -> Digest:
    """Return the digest of `log` as read at `now` (unix seconds).

    Rows of an impossible time count as unreadable: a single one would end an alert, or time it for decades.
    """
    oldest, newest = plausible_times(now)
    records = log.records
    rejected = log.rejected
    if any(not oldest <= record.created_at <= newest for record in records):
        records = tuple(record for record in records if oldest <= record.created_at <= newest)
        strange = len(log.records) - len(records)
        rejected = {**rejected, "create_time": rejected.get("create_time", 0) + strange}
    shown: dict[str, int] = {}
    earliest: dict[str, float] = {}
    anomalies: int | None = None
    for record in records:
        operate, at = record.operate, record.created_at
        shown[operate] = shown.get(operate, 0) + 1
        earliest[operate] = min(at, earliest.get(operate, at))
        if record.anomaly_count is not None and operate == Operate.CONVERGE:
            anomalies = record.anomaly_count + (anomalies or 0)
    return Digest(records, shown, earliest, rejected, anomalies)
