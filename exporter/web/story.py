"""One alert's story: what the ledger has of it, as a timeline from its creation to what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from exporter.explain.model import MilestoneTold, State, Told
from exporter.explain.standing import milestones, standing
from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert
from exporter.ledger import Bounds
from exporter.metrics import Plan
from exporter.web.texts import span


class Tone(StrEnum):
    """How an event of the story is to be taken."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    WAITING = "waiting"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Event:
    """A moment of the story: when (unix seconds), what, what became of it, and whether it is still to come."""

    at: float
    title: str
    detail: str
    tone: Tone
    is_ahead: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """What is told of one alert. `zone_error` are the seconds by which its records' times were corrected."""

    known: KnownAlert
    state: State
    outcome: str | None
    events: tuple[Event, ...]
    counted: tuple[tuple[str, int], ...]
    zone_error: float


def tell(known: KnownAlert, plan: Plan, bounds: Bounds, now: float) -> Story:
    """Return the story of an alert as of `now`; nobody is asked for it."""
    stands = standing(known)
    error = 0.0 if known.created_at is None else known.zone_error(known.created_at)
    events = [*_of_records(known, bounds, error), *_deadline(known, error, now), *_of_polling(known, plan, now)]
    events.sort(key=lambda event: (event.is_ahead, event.at))
    counted = tuple(sorted(known.counted.items(), key=lambda pair: (-pair[1], pair[0])))
    return Story(known, stands.state, stands.outcome, tuple(events), counted, error)


def _of_records(known: KnownAlert, bounds: Bounds, error: float) -> Iterator[Event]:
    creation = standing(known).creation
    if creation.at is not None:
        by = {"search": "told by a search", "id": "told by its id"}.get(creation.by or "", f"told by its {creation.by}")
        yield Event(creation.at - error, "Created", by, Tone.PLAIN)
    for milestone in milestones(known, bounds):
        title, tone = {
            "first ACK": ("First acknowledgement", Tone.GOOD),
            "first action": ("First action or notice", Tone.PLAIN),
            "end": (f"Ended: {known.outcome}", Tone.GOOD),
        }[milestone.name]
        yield Event(milestone.at - error, title, _observed(milestone), tone)
    if known.ack.at is None and known.ack_sighted_at is not None:
        yield Event(known.ack_sighted_at, "Acknowledged, says a search", "no ACK record was read yet", Tone.GOOD)


def _observed(milestone: MilestoneTold) -> str:
    if milestone.told is Told.HISTORY:
        return "before what counts of this alert: noted, not counted"
    if milestone.told is Told.PENDING:
        return f"{milestone.metric} gets it when it has settled"
    if milestone.seconds is None:
        return "told without a latency"
    return f'{span(milestone.seconds)} after creation: {milestone.metric}, bucket le="{milestone.le}"'


def _deadline(known: KnownAlert, error: float, now: float) -> Iterator[Event]:
    told = standing(known).deadline
    if told is None or told.due_at is None:
        return
    due_at = told.due_at - error
    target = f"target {span(told.target)}"
    title, detail, tone = {
        DeadlineResult.MET: ("Ack deadline", f"{target}: met", Tone.GOOD),
        DeadlineResult.MISSED: ("Ack deadline missed", f"{target}: nobody had acknowledged it", Tone.BAD),
        DeadlineResult.ENDED: ("Ack deadline", f"{target}: the alert ended before it", Tone.QUIET),
        DeadlineResult.SHIELDED: ("Ack deadline", f"{target}: not counted, the alert is shielded", Tone.QUIET),
        DeadlineResult.HISTORY: ("Ack deadline", f"{target}: not counted, over before what counts", Tone.QUIET),
        None: ("Ack deadline", f"{target}: no result yet", Tone.WAITING),
    }[told.result]
    yield Event(due_at, title, detail, tone, is_ahead=due_at > now)


def _of_polling(known: KnownAlert, plan: Plan, now: float) -> Iterator[Event]:
    yield Event(known.first_seen_at, "First seen by the exporter", "", Tone.QUIET)
    if known.read_at is not None and known.rested_at is None:
        yield Event(known.read_at, "Last read of its log", "", Tone.QUIET)
    if known.rested_at is not None:
        yield Event(known.rested_at, "Rests", "told in full: its log is read no more", Tone.QUIET)
    elif known.settles_at is not None:
        yield Event(known.settles_at, "Settles", "one last read picks up late records", Tone.WAITING, is_ahead=True)
    elif plan.next_poll_at is not None:
        yield Event(max(plan.next_poll_at, now), "Next read of its log", plan.error, Tone.WAITING, is_ahead=True)
