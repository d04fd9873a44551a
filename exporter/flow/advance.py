"""The heart: how reading an alert's log moves what we know of it, and what that adds to the totals."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from exporter.flow.known import KnownAlert, Milestone, Outcome, creation_from_id
from exporter.flow.labels import Labels, extend, make_labels
from exporter.flow.observations import NOTHING, Count, Latency, Observation, Observations, Total
from exporter.flow.records import FlowRecord, Log, Operate

_FIRST_ACTIONS = frozenset({Operate.ACTION, Operate.ANOMALY_NOTICE})
_ENDS = {
    Operate.RECOVER: Outcome.RECOVERED,
    Operate.SYSTEM_RECOVER: Outcome.RECOVERED,
    Operate.CLOSE: Outcome.CLOSED,
    Operate.SYSTEM_CLOSE: Outcome.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The waiting times of the domain, in seconds: `settle` for late records, `max_age` for an end."""

    settle: float
    max_age: float


def advance(known: KnownAlert, log: Log, *, now: float, policy: Policy) -> tuple[KnownAlert, Observations]:
    """Return what we know after reading `log` at `now`, and what it adds to the totals; `known` stays as it was.

    Rows have no identity and some are a view that slides (api.md), so per operate only their number is compared with
    the number counted before: more rows add the difference, under the status of the newest ones; a log as long as
    before or shorter adds nothing and takes nothing away. Latencies are observed once: of the earliest ACK and the
    earliest action when they are first seen, of the end when it has settled, so that late records can still tell how
    the alert really ended.
    """
    created_at, creation_recorded = _creation(known, log, now)
    read = replace(
        known,
        read_at=now,
        created_at=created_at,
        creation_recorded=creation_recorded,
        counted=_high_water(known.counted, Counter(record.operate for record in log.records)),
        rejected=_high_water(known.rejected, log.rejected),
        ack=_milestone(known, known.ack, _earliest(log, {Operate.ACK})),
        first_action=_milestone(known, known.first_action, _earliest(log, _FIRST_ACTIONS)),
        anomaly_count=_anomalies(log.records),
    )
    read, told = _tell(_with_end(known, read, log, policy, now))
    return read, (*_new_records(known, log), *_new_rejects(known, log), *told)


def _creation(known: KnownAlert, log: Log, now: float) -> tuple[float | None, bool]:
    create = _earliest(log, {Operate.CREATE})
    if known.creation_recorded or (create is None and known.created_at is not None):
        return known.created_at, known.creation_recorded
    if create is None:
        return creation_from_id(known.alert_id, now), False
    return create.created_at, True


def _earliest(log: Log, operates: Iterable[str]) -> FlowRecord | None:
    rows = [record for record in log.records if record.operate in operates]
    return min(rows, key=lambda record: (record.created_at, record.operate), default=None)


def _high_water(counted: Mapping[str, int], shown: Mapping[str, int]) -> Mapping[str, int]:
    return {name: max(counted.get(name, 0), shown.get(name, 0)) for name in counted.keys() | shown.keys()}


def _anomalies(records: Iterable[FlowRecord]) -> int | None:
    """The server may merge or split the records of adjacent periods; their sum stays (api.md)."""
    counts = [record.anomaly_count for record in records if record.operate == Operate.CONVERGE]
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def _is_history(known: KnownAlert, at: float) -> bool:
    """Whether `at` lies before what the first read counts.

    Only at the first read: a record that shows up later happened while we watched, whatever its time claims.
    """
    return known.read_at is None and at < known.counts_from


def _milestone(known: KnownAlert, before: Milestone, record: FlowRecord | None) -> Milestone:
    if record is None or before.observed:
        return before
    at = record.created_at if before.at is None else min(before.at, record.created_at)
    return Milestone(at, observed=_is_history(known, at))


def _with_end(known: KnownAlert, read: KnownAlert, log: Log, policy: Policy, now: float) -> KnownAlert:
    """Add the end and the rest to `read`; until it rests, an earlier terminal record that comes late still counts."""
    if known.rested_at is not None:
        return read
    record = _earliest(log, _ENDS)
    if record is not None and (known.end.at is None or record.created_at < known.end.at):
        # A server's clock or zone may be ahead of ours: never wait longer than `settle` from now on.
        settles_at = min(record.created_at, now) + policy.settle
        read = replace(
            read,
            end=_milestone(known, known.end, record),
            outcome=_ENDS[Operate(record.operate)],
            settles_at=settles_at if known.settles_at is None else min(known.settles_at, settles_at),
        )
    if read.settles_at is not None:
        return replace(read, rested_at=now) if now >= read.settles_at else read
    expires_at = (read.first_seen_at if read.created_at is None else read.created_at) + policy.max_age
    if now < expires_at:
        return read
    end = Milestone(expires_at, observed=_is_history(known, expires_at))
    return replace(read, end=end, outcome=Outcome.EXPIRED, rested_at=now)


def _new_records(known: KnownAlert, log: Log) -> Iterator[Count]:
    fresh: Counter[tuple[str, str]] = Counter()
    for operate, shown in Counter(record.operate for record in log.records).items():
        rows = (record for record in log.records if record.operate == operate)
        new = max(0, shown - known.counted.get(operate, 0))
        fresh.update(
            (operate, record.status) for record in islice(rows, new) if not _is_history(known, record.created_at)
        )
    for (operate, status), amount in fresh.items():
        yield Count(Total.RECORDS, extend(known.labels, operate=operate, status=status), amount)


def _new_rejects(known: KnownAlert, log: Log) -> Iterator[Count]:
    for reason, shown in log.rejected.items():
        new = shown - known.rejected.get(reason, 0)
        if new > 0:
            yield _rejected(known, reason, new)


def _rejected(known: KnownAlert, reason: str, amount: int) -> Count:
    return Count(Total.RECORDS_REJECTED, make_labels({"source": known.source, "reason": reason}), amount)


def _tell(read: KnownAlert) -> tuple[KnownAlert, Observations]:
    """Observe what can be told now of the acknowledgement, the first action and the end, each once."""
    ack, of_ack = _tell_milestone(read, read.ack, Total.TIME_TO_ACK)
    first_action, of_action = _tell_milestone(read, read.first_action, Total.TIME_TO_FIRST_ACTION)
    end, of_end = _tell_end(read)
    return replace(read, ack=ack, first_action=first_action, end=end), (*of_ack, *of_action, *of_end)


def _tell_milestone(read: KnownAlert, milestone: Milestone, total: Total) -> tuple[Milestone, Observations]:
    """A creation that is still unknown may come with a late record, until the alert rests."""
    can_be_told = read.created_at is not None or read.rested_at is not None
    if milestone.at is None or milestone.observed or not can_be_told:
        return milestone, NOTHING
    return replace(milestone, observed=True), tuple(_latency(read, total, read.labels, milestone.at))


def _tell_end(read: KnownAlert) -> tuple[Milestone, Observations]:
    end = read.end
    if read.rested_at is None or read.outcome is None or end.at is None or end.observed:
        return end, NOTHING
    labels = extend(read.labels, outcome=read.outcome)
    acked = read.ack.at is not None and read.ack.at <= end.at
    ended = Count(Total.ALERTS_ENDED, extend(labels, acked=str(acked).lower()), 1)
    duration = () if read.outcome is Outcome.EXPIRED else _latency(read, Total.TIME_TO_END, labels, end.at)
    return replace(end, observed=True), (ended, *duration)


def _latency(read: KnownAlert, total: Total, labels: Labels, at: float) -> Iterator[Observation]:
    if read.created_at is None:
        yield _rejected(read, "creation_unknown", 1)
        return
    if at < read.created_at:
        yield _rejected(read, "negative_latency", 1)
    yield Latency(total, labels, max(0.0, at - read.created_at))
