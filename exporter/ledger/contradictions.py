"""What never holds of a known alert: pairs of facts of which `flow` tells no two together, whatever a log says."""

from collections.abc import Callable, Iterator

from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import label_value
from exporter.flow.sightings import Outcome

_SETTLING = (Outcome.RECOVERED, Outcome.CLOSED)
_MILESTONES: tuple[tuple[str, Callable[[KnownAlert], Milestone]], ...] = (
    ("acknowledgement", lambda known: known.ack),
    ("first action", lambda known: known.first_action),
    ("end", lambda known: known.end),
)

_NEVER: tuple[tuple[str, Callable[[KnownAlert], bool]], ...] = (
    ("labels of another source", lambda k: dict(k.labels).get("source") != label_value(k.source)),
    ("rests without an outcome", lambda k: k.rested_at is not None and k.outcome is None),
    ("rests without a read", lambda k: k.rested_at is not None and k.read_at is None),
    ("an outcome without an end", lambda k: k.outcome is not None and k.end.at is None),
    ("an end without an outcome", lambda k: k.outcome is None and k.end.at is not None),
    ("an end from a record without an outcome", lambda k: k.outcome is None and k.end_recorded),
    ("waits for late records without an outcome", lambda k: k.outcome is None and k.settles_at is not None),
    ("expired, and does not rest", lambda k: k.outcome is Outcome.EXPIRED and k.rested_at is None),
    ("ended, and never waits for late records", lambda k: k.outcome in _SETTLING and k.settles_at is None),
    ("a creation from a record without its time", lambda k: k.creation_recorded and k.created_at is None),
    ("a result without an ack target", lambda k: k.deadline_result is not None and k.ack_target is None),
    ("acknowledged in a search that never found it", lambda k: k.ack_sighted_at is not None and k.sighting is None),
    ("never read, and something of its log is known", lambda k: k.read_at is None and _is_read(k)),
    ("fewer than no quiet reads", lambda k: k.quiet_reads < 0),
)


def contradictions(known: KnownAlert) -> Iterator[str]:
    """Yield what is told of an alert that cannot be."""
    for what, holds in _NEVER:
        if holds(known):
            yield what
    for name, milestone_of in _MILESTONES:
        milestone = milestone_of(known)
        if milestone.observed and milestone.at is None:
            yield f"its {name} is counted, but did not happen"
        # What was reached counts at once, an end when it has settled; without a creation, when the alert rests.
        is_due = known.rested_at is not None or (name != "end" and known.created_at is not None)
        if milestone.at is not None and not milestone.observed and is_due:
            yield f"its {name} happened, but is not counted"
    for name, counts in (("rows", known.counted), ("unreadable rows", known.rejected)):
        for kind, number in counts.items():
            if type(number) is not int or number < 1:
                yield f"{number!r} {name} of {kind}"


def _is_read(known: KnownAlert) -> bool:
    reached = (known.ack.at, known.first_action.at, known.end.at, known.created_at, known.anomaly_count)
    return bool(known.counted or known.rejected) or any(at is not None for at in reached)
