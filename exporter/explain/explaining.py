"""An alert explained: its log replayed, its ledger told, and the two compared. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from exporter.config import format_duration
from exporter.explain.adding import Sums, added
from exporter.explain.comparing import ROLLING, compare
from exporter.explain.model import Explanation, Step, StepKind
from exporter.explain.reasons import Reasons
from exporter.explain.replay import Replayed, replay, unseen
from exporter.explain.standing import milestones, standing
from exporter.flow.advance import Policy, advance, new_records
from exporter.flow.digest import digest
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Outcome
from exporter.ledger import Bounds

_AS_IF_NEW = "the ledger does not know the alert: told as if its whole history counted"
_ROLLING = "rows of CONVERGE and EVENT_DROP are a rolling view: the server merges older ones, so their times slide"


@dataclass(frozen=True, slots=True)
class Case:
    """What there is to explain an alert from.

    `known` is what the ledger has, None where it has nothing; `log` is the alert's log as read at `now` (unix seconds),
    None where it was not or could not be read; one of them is there. `first_sight` is what would be known of the
    alert if it was first seen now, with its whole history to count. `ledger` and `log_told` say in words where the
    one and the other are from, or why they are missing. `bounds` are those of the buckets.
    """

    known: KnownAlert | None
    log: Log | None
    first_sight: KnownAlert
    bounds: Bounds
    policy: Policy
    now: float
    ledger: str
    log_told: str


def explain(case: Case) -> Explanation:
    """Return the explanation of an alert; raises ValueError where neither the ledger nor a log tells of it."""
    known, log, first_sight = case.known, case.log, case.first_sight
    policy = _policy(case)
    base = first_sight if known is None else unseen(known)
    steps, comparison, after = None, None, known
    if log is not None:
        missing = Counter(() if known is None else new_records(known, digest(log, case.now)))
        replayed = _replayed(case, base, log, missing, policy)
        steps = tuple(_steps(case, base, replayed, missing))
        after = known or _rested_in_time(replayed.after)
        if known is not None:
            fresh, _ = advance(base, log, now=case.now, policy=policy)
            comparison = compare(known, log, fresh, bounds=case.bounds, policy=policy, now=case.now)
    if after is None:
        raise ValueError("neither the ledger nor the source knows the alert")
    return Explanation(
        source=base.source,
        alert_id=base.alert_id,
        now=case.now,
        labels=after.labels,
        counts_from=base.counts_from,
        standing=standing(after),
        known=known,
        milestones=() if known is None else milestones(known, case.bounds),
        ledger=case.ledger,
        log=case.log_told,
        steps=steps,
        comparison=comparison,
        fields={} if after.sighting is None else after.sighting.fields,
        notes=tuple(_notes(case, after)),
    )


def _rested_in_time(after: KnownAlert) -> KnownAlert:
    """One read of it all rests an alert that is long over just now; reads at their times would have done it then."""
    return replace(after, rested_at=after.settles_at or after.rested_at) if after.rested_at is not None else after


def _policy(case: Case) -> Policy:
    """What a search returns does not expire (docs/decisions/0007), unless it has."""
    known = case.known
    if known is None or known.sighting is None or known.outcome is Outcome.EXPIRED:
        return case.policy
    return replace(case.policy, max_age=float("inf"))


def _replayed(case: Case, base: KnownAlert, log: Log, missing: Counter[FlowRecord], policy: Policy) -> Replayed:
    """Return the replay of all that is ever counted: of an alert that rests, nothing that came after its last read."""
    if case.known is None or case.known.rested_at is None:
        return replay(base, log, now=case.now, policy=policy)
    left_out = Counter(missing)
    read = tuple(record for record in log.records if not _took(left_out, record))
    return replay(base, replace(log, records=read), now=case.known.rested_at, policy=policy)


def _steps(case: Case, base: KnownAlert, replayed: Replayed, missing: Counter[FlowRecord]) -> Iterator[Step]:
    reasons = Reasons(base, replayed.after)
    rests = case.known is not None and case.known.rested_at is not None
    new = Counter() if rests else Counter(missing)
    for event, told in replayed.events:
        is_new = event.record is not None and _took(new, event.record)
        why = reasons.of(event, told) + (("not in the ledger yet",) if is_new else ())
        told, stays = _without_told_deadline(case.known, replayed.after, told)
        why += stays
        if event.kind is StepKind.RECORD or told or why:
            is_in_ledger = None if case.known is None or event.record is None else not is_new
            yield Step(event.kind, event.at, event.record, added(told, case.bounds), why, is_in_ledger)
    for record in sorted(missing.elements() if rests else (), key=lambda record: record.created_at):
        why = ("shown after the last read: the alert rests, its log is read no more",)
        yield Step(StepKind.RECORD, record.created_at, record, (), why, in_ledger=False)


def _without_told_deadline(known: KnownAlert | None, after: KnownAlert, told: Sums) -> tuple[Sums, tuple[str, ...]]:
    """Leave out a result of the ack deadline that the log suggests, where the ledger told another: that one stays."""
    if known is None or known.deadline_result in (None, after.deadline_result):
        return told, ()
    others = Counter({key: amount for key, amount in told.items() if key[0] is not Total.ACK_DEADLINES})
    if others == told:
        return told, ()
    why = f"ack deadline: {known.deadline_result} was told and stays, though the log shows {after.deadline_result} now"
    return others, (why,)


def _took(left: Counter[FlowRecord], record: FlowRecord) -> bool:
    """Take a record out of `left` where it is there; records that are alike stand for each other."""
    if not left[record]:
        return False
    left[record] -= 1
    return True


def _notes(case: Case, after: KnownAlert) -> Iterator[str]:
    known, log = case.known, case.log
    if known is None:
        yield _AS_IF_NEW
    elif known.ack_target != case.first_sight.ack_target:
        yield (
            f"the config now says an ack target of {_target(case.first_sight.ack_target)}: "
            f"{_target(known.ack_target)} was fixed when the alert was first seen"
        )
    yield from _zone_note(after)
    if log is not None and any(record.operate in ROLLING for record in log.records):
        yield _ROLLING


def _zone_note(after: KnownAlert) -> Iterator[str]:
    error = 0.0 if after.created_at is None else after.zone_error(after.created_at)
    if error:
        where = "after" if error > 0 else "before"
        yield (
            f"the records lie {format_duration(abs(error))} {where} what the id or a search tells of the creation: "
            "the source's timezone is probably not that of the server"
        )


def _target(seconds: float | None) -> str:
    return "none" if seconds is None else format_duration(seconds)
