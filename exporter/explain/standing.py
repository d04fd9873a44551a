"""How an alert stands, told from what is known of it."""

from collections.abc import Iterator

from exporter.explain.adding import bucket
from exporter.explain.model import Creation, Deadline, MilestoneTold, Standing, State, Told
from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome
from exporter.ledger import Bounds
from exporter.metrics import family_of


def standing(known: KnownAlert) -> Standing:
    """Return how the alert stands as of its last read."""
    state, since = _state(known)
    return Standing(state, since, known.outcome, _creation(known), _deadline(known), known.is_acked, known.is_shielded)


def milestones(known: KnownAlert, bounds: Bounds) -> tuple[MilestoneTold, ...]:
    """Return the alert's first times with the latencies that were told of them, by its own times as they are now."""
    found = (
        ("first ACK", Total.TIME_TO_ACK, known.ack),
        ("first action", Total.TIME_TO_FIRST_ACTION, known.first_action),
        ("end", Total.TIME_TO_END, known.end),
    )
    return tuple(_milestones(known, bounds, found))


def _state(known: KnownAlert) -> tuple[State, float | None]:
    if known.read_at is None:
        return State.UNREAD, None
    if known.outcome is Outcome.EXPIRED:
        return State.EXPIRED, known.rested_at
    if known.rested_at is not None:
        return State.RESTING, known.rested_at
    if known.outcome is not None:
        return State.SETTLING, known.settles_at
    return State.OPEN, known.created_at


def _creation(known: KnownAlert) -> Creation:
    if known.created_at is None:
        return Creation(None, None)
    if known.creation_recorded:
        return Creation(known.created_at, "CREATE record")
    is_sighted = known.sighting is not None and known.sighting.created_at == known.created_at
    return Creation(known.created_at, "search" if is_sighted else "id")


def _deadline(known: KnownAlert) -> Deadline | None:
    if known.ack_target is None:
        return None
    due_at = None if known.created_at is None else known.created_at + known.ack_target
    return Deadline(known.ack_target, due_at, known.deadline_result, _came_about(known, due_at))


def _came_about(known: KnownAlert, due_at: float | None) -> float | None:
    """Return when the result of the deadline came about; where a record is missing, a search's word stands for it."""
    if known.deadline_result is DeadlineResult.MET:
        in_time = known.ack.at is not None and due_at is not None and known.ack.at <= due_at
        return known.ack.at if in_time else known.ack_sighted_at
    if known.deadline_result is DeadlineResult.ENDED:
        return known.end.at
    return due_at if known.deadline_result is DeadlineResult.MISSED else None


def _milestones(
    known: KnownAlert, bounds: Bounds, found: tuple[tuple[str, Total, Milestone], ...]
) -> Iterator[MilestoneTold]:
    for name, total, milestone in found:
        if milestone.at is None:
            continue
        told = Told.TOLD if milestone.observed else Told.PENDING
        if milestone.observed and milestone.at < known.counts_from:
            told = Told.HISTORY
        has_latency = told is Told.TOLD and known.created_at is not None
        if total is Total.TIME_TO_END and known.outcome is Outcome.EXPIRED:
            has_latency = False
        seconds = max(0.0, milestone.at - known.created_at) if has_latency and known.created_at is not None else None
        le = None if seconds is None else bucket(total, seconds, bounds)
        yield MilestoneTold(name, family_of(total).name, milestone.at, told, seconds, le)
