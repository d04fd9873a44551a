"""Ack deadlines: within which time an alert must be acknowledged, and what came of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from exporter.flow.labels import Labels, label_value


class DeadlineResult(StrEnum):
    """What came of an alert's ack deadline; the first three are counted, each alert under one of them.

    `SHIELDED`: nobody was notified, so nobody can be late. `HISTORY`: it was over before what we count.
    """

    MET = "met"
    MISSED = "missed"
    ENDED = "ended"
    SHIELDED = "shielded"
    HISTORY = "history"


COUNTED_RESULTS = (DeadlineResult.MET, DeadlineResult.MISSED, DeadlineResult.ENDED)


@dataclass(frozen=True, slots=True)
class AckTarget:
    """Alerts with all labels of `match` must be acknowledged `within` so many seconds.

    `objective` is the part of them, from 0 to 1, that should be.
    """

    match: Mapping[str, str]
    within: float
    objective: float


class AckTargets:
    """The targets in their order; the first one that matches an alert's labels is its own."""

    def __init__(self, targets: Iterable[AckTarget] = ()) -> None:
        # As the labels are that they are compared with.
        self._targets = tuple(
            replace(target, match={name: label_value(value) for name, value in target.match.items()})
            for target in targets
        )

    def __iter__(self) -> Iterator[AckTarget]:
        return iter(self._targets)

    def within(self, labels: Labels) -> float | None:
        """Return the target of an alert with these labels in seconds, None where it has none."""
        given = dict(labels)
        for target in self._targets:
            if all(given.get(name) == value for name, value in target.match.items()):
                return target.within
        return None


NO_TARGETS = AckTargets()
