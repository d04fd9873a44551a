"""How an alert ends: by a record, by a search's word, or because it cannot end and grew too old."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.flow.digest import Digest
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.records import Operate
from exporter.flow.sightings import Outcome

ENDS: Mapping[str, Outcome] = {
    Operate.CLOSE: Outcome.CLOSED,
    Operate.RECOVER: Outcome.RECOVERED,
    Operate.SYSTEM_CLOSE: Outcome.CLOSED,
    Operate.SYSTEM_RECOVER: Outcome.RECOVERED,
}
"""The terminal operates, and what they make of an alert; in this order where two records are of one second."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The part of what we know of an alert that tells its end; the names are those of `KnownAlert`."""

    end: Milestone
    is_recorded: bool
    outcome: Outcome | None
    settles_at: float | None
    rested_at: float | None


def end_after(known: KnownAlert, read: Digest, *, now: float, settle: float, expires_at: float) -> Ending:
    """Return how an alert stands after a read at `now`; until it rests, an earlier terminal record still counts."""
    before = Ending(known.end, known.end_recorded, known.outcome, known.settles_at, known.rested_at)
    if known.rested_at is not None:
        return before
    told = _told(known, read, now)
    if told is not None and _is_better(told, before):
        # A server's clock or zone may be ahead of ours: never wait longer than `settle` from now on.
        settles_at = min(told.at, now) + settle
        end = Milestone(told.at, observed=known.is_history(told.at) or known.end.observed)
        if before.settles_at is not None:
            settles_at = min(before.settles_at, settles_at)
        before = Ending(end, told.is_recorded, told.outcome, settles_at, None)
    if before.settles_at is not None:
        rested_at = now if now >= before.settles_at else None
        return Ending(before.end, before.is_recorded, before.outcome, before.settles_at, rested_at)
    if now < expires_at:
        return before
    return Ending(Milestone(expires_at, known.is_history(expires_at)), False, Outcome.EXPIRED, None, now)


@dataclass(frozen=True, slots=True)
class _Told:
    at: float
    outcome: Outcome
    is_recorded: bool


def _is_better(told: _Told, before: Ending) -> bool:
    """A record tells more than a search, an earlier record more than a later one."""
    if before.end.at is None or told.is_recorded != before.is_recorded:
        return before.end.at is None or told.is_recorded
    return told.is_recorded and told.at < before.end.at


def _told(known: KnownAlert, read: Digest, now: float) -> _Told | None:
    """Some closures leave no record: there the search's word is all there is (api.md)."""
    at = read.first(ENDS)
    if at is not None:
        outcome = next(outcome for operate, outcome in ENDS.items() if read.earliest.get(operate) == at)
        return _Told(at, outcome, is_recorded=True)
    seen = known.sighting
    if seen is None or seen.outcome is None:
        return None
    return _Told(now if seen.ended_at is None else seen.ended_at, seen.outcome, is_recorded=False)
