"""The heart: how reading an alert's log moves what we know of it, and what that adds to the totals."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from exporter.flow.digest import Digest, digest
from exporter.flow.ending import end_after
from exporter.flow.known import KnownAlert, Milestone, creation_from_id
from exporter.flow.labels import extend
from exporter.flow.observations import Count, Observation, Observations, Total, rejected
from exporter.flow.records import FlowRecord, Log, Operate
from exporter.flow.sharing import shared_mapping, shared_sighting
from exporter.flow.sightings import Sighting
from exporter.flow.telling import Teller

FIRST_ACTIONS = (Operate.ACTION, Operate.ANOMALY_NOTICE)
"""The operates of which the first one ends the time to first action."""

_ACKS = (Operate.ACK,)
_CREATIONS = (Operate.CREATE,)


@dataclass(frozen=True, slots=True)
class Policy:
    """The waiting times of the domain, in seconds: `settle` for late records, `max_age` for an end.

    `is_read` is false where the log can be read no more: what is told then is no evidence of what it does not show.
    """

    settle: float
    max_age: float
    is_read: bool = True


def advance(known: KnownAlert, log: Log, *, now: float, policy: Policy) -> tuple[KnownAlert, Observations]:
    """Return what we know after reading `log` at `now`, and what it adds to the totals; `known` stays as it was.

    Rows have no identity and some are a view that slides (api.md), so per operate only their number is compared with
    the number counted before: more rows add the difference, under the status of the newest ones; a log as long as
    before or shorter adds nothing and takes nothing away. Latencies are observed once: of the earliest ACK and the
    earliest action when they are first seen, of the end when it has settled, so that late records can still tell how
    the alert really ended. The result of the ack deadline is told once and never taken back.
    """
    read = digest(log, now)
    created_at, creation_recorded = _creation(known, read, now)
    ending = end_after(known, read, now=now, settle=policy.settle, expires_at=_expires_at(known, created_at, policy))
    ack = _milestone(known, known.ack, read.first(_ACKS))
    first_action = _milestone(known, known.first_action, read.first(FIRST_ACTIONS))
    teller = Teller(known, created_at, now, is_read=policy.is_read)
    told_ack = teller.milestone(ack, Total.TIME_TO_ACK, ending)
    told_action = teller.milestone(first_action, Total.TIME_TO_FIRST_ACTION, ending)
    told_end = teller.end(ending, ack)
    deadline_result = teller.deadline(ending, ack, policy.settle)
    observations = (*_record_counts(known, read), *_new_rejects(known, read), *teller.told)
    after = replace(
        known,
        read_at=now,
        created_at=created_at,
        creation_recorded=creation_recorded,
        counted=_high_water(known.counted, read.shown),
        rejected=_high_water(known.rejected, read.rejected),
        ack=told_ack,
        first_action=told_action,
        end=told_end,
        end_recorded=ending.is_recorded,
        outcome=ending.outcome,
        settles_at=ending.settles_at,
        rested_at=ending.rested_at,
        anomaly_count=read.anomaly_count,
        deadline_result=deadline_result,
        quiet_reads=0 if _is_news(observations) else known.quiet_reads + 1,
    )
    return after, observations


def new_records(known: KnownAlert, read: Digest) -> Iterator[FlowRecord]:
    """Yield the records that were not counted yet: where a log shows more rows of an operate than were, the newest."""
    new = {operate: shown - known.counted.get(operate, 0) for operate, shown in read.shown.items()}
    for record in read.records:
        if new[record.operate] > 0:
            new[record.operate] -= 1
            yield record


def see(known: KnownAlert, sighting: Sighting, now: float) -> KnownAlert:
    """Return what we know after a search answered `sighting` at `now`; `known` itself where that tells nothing new.

    What it means is for the next read of the log to find out; an acknowledgement or an end makes that read due.
    """
    before = known.sighting
    if before is not None and sighting.tells_the_same_as(before):
        return known
    is_news = before is None or (sighting.is_acked, sighting.outcome) != (before.is_acked, before.outcome)
    return replace(
        known,
        sighting=shared_sighting(sighting),
        ack_sighted_at=now if sighting.is_acked and known.ack_sighted_at is None else known.ack_sighted_at,
        quiet_reads=0 if is_news else known.quiet_reads,
    )


def _creation(known: KnownAlert, read: Digest, now: float) -> tuple[float | None, bool]:
    # Read anew each time, like the milestones: with another `timezone` in the config the same row has another time.
    recorded = read.first(_CREATIONS)
    if recorded is not None:
        return recorded, True
    if known.created_at is not None:
        return known.created_at, known.creation_recorded
    if known.sighting is not None and known.sighting.created_at is not None:
        return known.sighting.created_at, False
    return creation_from_id(known.alert_id, now), False


def _expires_at(known: KnownAlert, created_at: float | None, policy: Policy) -> float:
    """An alert that expired is read no more: not before its ack deadline, which somebody may still meet."""
    decided_after = 0.0 if known.ack_target is None else known.ack_target + policy.settle
    born_at = known.first_seen_at if created_at is None else created_at
    return born_at + max(policy.max_age, decided_after)


def _high_water(counted: Mapping[str, int], shown: Mapping[str, int]) -> Mapping[str, int]:
    more = {name: number for name, number in shown.items() if number > counted.get(name, 0)}
    return shared_mapping({**counted, **more}) if more else counted


def _is_news(observations: Observations) -> bool:
    return any(not isinstance(told, Count) or told.amount for told in observations)


def _milestone(known: KnownAlert, before: Milestone, at: float | None) -> Milestone:
    return before if at is None else Milestone(at, before.observed or known.is_history(at))


def _record_counts(known: KnownAlert, read: Digest) -> Iterator[Count]:
    fresh = Counter(
        (record.operate, record.status)
        for record in new_records(known, read)
        if not known.is_history(record.created_at)
    )
    for (operate, status), amount in fresh.items():
        yield Count(Total.RECORDS, extend(known.labels, operate=operate, status=status), amount)


def _new_rejects(known: KnownAlert, read: Digest) -> Iterator[Observation]:
    for reason, shown in read.rejected.items():
        new = shown - known.rejected.get(reason, 0)
        if new > 0:
            yield rejected(known.labels, reason, new)
