"""The heart: how reading an alert's log moves what we know of it, and what that adds to the totals."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from exporter.flow.known import KnownAlert, Milestone, creation_from_id, is_plausible_time
from exporter.flow.labels import Labels, extend, make_labels
from exporter.flow.observations import NOTHING, Count, Latency, Observation, Observations, Total
from exporter.flow.records import FlowRecord, Log, Operate
from exporter.flow.sightings import Outcome, Sighting

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
    log = _plausible(log, now)
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
    observations = (*_new_records(known, log), *_new_rejects(known, log), *told)
    return replace(read, quiet_reads=0 if observations else known.quiet_reads + 1), observations


def see(known: KnownAlert, sighting: Sighting) -> KnownAlert:
    """Return what we know after a search answered `sighting`; `known` itself where that tells nothing new.

    What it means is for the next read of the log to find out; an acknowledgement or an end makes that read due.
    """
    before = known.sighting
    if before is not None and replace(sighting, updated_at=before.updated_at) == before:
        return known
    is_news = before is None or (sighting.is_acked, sighting.outcome) != (before.is_acked, before.outcome)
    return replace(known, sighting=sighting, quiet_reads=0 if is_news else known.quiet_reads)


def _plausible(log: Log, now: float) -> Log:
    """Take rows of an impossible time for unreadable ones: a single one would end an alert, or time it for decades."""
    sound = tuple(record for record in log.records if is_plausible_time(record.created_at, now))
    strange = len(log.records) - len(sound)
    if not strange:
        return log
    return Log(sound, {**log.rejected, "create_time": log.rejected.get("create_time", 0) + strange})


def _creation(known: KnownAlert, log: Log, now: float) -> tuple[float | None, bool]:
    # Read anew each time, like the milestones: with another `timezone` in the config the same row has another time.
    create = _earliest(log, {Operate.CREATE})
    if create is not None:
        return create.created_at, True
    if known.created_at is not None:
        return known.created_at, known.creation_recorded
    if known.sighting is not None and known.sighting.created_at is not None:
        return known.sighting.created_at, False
    return creation_from_id(known.alert_id, now), False


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

    Only at the first read that shows records: one that shows up later happened while we watched, whatever its time
    claims.
    """
    return not known.counted and at < known.counts_from


def _milestone(known: KnownAlert, before: Milestone, record: FlowRecord | None) -> Milestone:
    if record is None:
        return before
    return Milestone(record.created_at, before.observed or _is_history(known, record.created_at))


def _with_end(known: KnownAlert, read: KnownAlert, log: Log, policy: Policy, now: float) -> KnownAlert:
    """Add the end and the rest to `read`; until it rests, an earlier terminal record that comes late still counts."""
    if known.rested_at is not None:
        return read
    end = _end_of(known, log, now)
    if end is not None and end.is_better_than(known):
        # A server's clock or zone may be ahead of ours: never wait longer than `settle` from now on.
        settles_at = min(end.at, now) + policy.settle
        read = replace(
            read,
            end=Milestone(end.at, observed=_is_history(known, end.at) or known.end.observed),
            end_recorded=end.is_recorded,
            outcome=end.outcome,
            settles_at=settles_at if known.settles_at is None else min(known.settles_at, settles_at),
        )
    if read.settles_at is not None:
        return replace(read, rested_at=now) if now >= read.settles_at else read
    expires_at = (read.first_seen_at if read.created_at is None else read.created_at) + policy.max_age
    if now < expires_at:
        return read
    expired = Milestone(expires_at, observed=_is_history(known, expires_at))
    return replace(read, end=expired, outcome=Outcome.EXPIRED, rested_at=now)


@dataclass(frozen=True, slots=True)
class _End:
    at: float
    outcome: Outcome
    is_recorded: bool

    def is_better_than(self, known: KnownAlert) -> bool:
        """A record tells more than a search, an earlier record more than a later one."""
        if known.end.at is None or self.is_recorded != known.end_recorded:
            return known.end.at is None or self.is_recorded
        return self.is_recorded and self.at < known.end.at


def _end_of(known: KnownAlert, log: Log, now: float) -> _End | None:
    """Some closures leave no record: there the search's word is all there is (api.md)."""
    record = _earliest(log, _ENDS)
    if record is not None:
        return _End(record.created_at, _ENDS[Operate(record.operate)], is_recorded=True)
    seen = known.sighting
    if seen is None or seen.outcome is None:
        return None
    return _End(now if seen.ended_at is None else seen.ended_at, seen.outcome, is_recorded=False)


def _new_records(known: KnownAlert, log: Log) -> Iterator[Count]:
    rows: defaultdict[str, list[FlowRecord]] = defaultdict(list)
    for record in log.records:
        rows[record.operate].append(record)
    fresh = Counter(
        (operate, record.status)
        for operate, shown in rows.items()
        for record in shown[: max(0, len(shown) - known.counted.get(operate, 0))]
        if not _is_history(known, record.created_at)
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
