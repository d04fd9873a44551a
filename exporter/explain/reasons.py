"""Why a step adds what it adds, and why not more: in words, by what `advance` made of it."""

from collections.abc import Collection, Iterator

from exporter.explain.adding import Sums
from exporter.explain.model import StepKind
from exporter.explain.replay import Event
from exporter.flow.advance import FIRST_ACTIONS
from exporter.flow.deadlines import DeadlineResult
from exporter.flow.ending import ENDS
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.flow.records import OTHER, Operate

_REJECTED = {
    "not_an_object": "a row that is no object",
    "operate": "a row without an operate",
    "create_time": "no time that can be read, or one that cannot be",
    "negative_latency": "earlier than the creation: the latency counts as 0",
    "creation_unknown": "the creation is not known: there is no latency to tell",
}
_UNCOUNTED_RESULTS = {
    DeadlineResult.SHIELDED: "the alert is shielded: its ack deadline is not counted",
    DeadlineResult.HISTORY: "the ack deadline was over before what counts: not counted",
}


class Reasons:
    """Gives the reasons of the events of one alert, asked in their order.

    `first_sight` is what was known before the first read, `after` what is known after the last one.
    """

    def __init__(self, first_sight: KnownAlert, after: KnownAlert) -> None:
        self._first_sight = first_sight
        self._after = after
        self._seen: set[str] = set()
        self._has_told_deadline = False
        self._has_told_end = False

    def of(self, event: Event, told: Sums) -> tuple[str, ...]:
        """Return why the event adds what it adds."""
        self._has_told_end |= Total.ALERTS_ENDED in _totals(told)
        reasons = [_REJECTED[reason] for reason in _rejected(told) if reason in _REJECTED]
        if event.kind is StepKind.RECORD and not {"create_time"} & set(_rejected(told)):
            reasons += self._of_record(event, told)
        elif event.kind is StepKind.END:
            reasons += self._of_end()
        reasons += self._of_deadline(event)
        return tuple(dict.fromkeys(reasons))

    def _of_record(self, event: Event, told: Sums) -> Iterator[str]:
        if event.record is None:
            return
        operate = event.record.operate
        if self._first_sight.is_history(event.at):
            yield "before what counts of this alert: noted, not counted"
        elif operate == Operate.ACK:
            yield from self._of_milestone("ACK", "only the first ACK is timed", Total.TIME_TO_ACK, told)
        elif operate in FIRST_ACTIONS:
            only = "only the first action or notice is timed"
            yield from self._of_milestone("action", only, Total.TIME_TO_FIRST_ACTION, told)
        elif operate in ENDS:
            yield from self._of_terminal(event, told)
        elif operate == Operate.CONVERGE and event.record.anomaly_count is not None:
            yield f"anomaly_count {event.record.anomaly_count}: in that gauge while the alert is open"
        elif operate == OTHER:
            yield f"its operate has not the shape of one: counted as {OTHER}"
        self._seen.update({"ACK"} if operate == Operate.ACK else {"action"} if operate in FIRST_ACTIONS else ())

    def _of_milestone(self, name: str, only: str, total: Total, told: Sums) -> Iterator[str]:
        if name in self._seen:
            yield only
        elif total not in _totals(told) and self._after.created_at is None:
            yield "the creation is not known yet: its latency waits for it"

    def _of_terminal(self, event: Event, told: Sums) -> Iterator[str]:
        if Total.ALERTS_ENDED in _totals(told):
            return
        if self._after.end.at != event.at or "end" in self._seen:
            yield "the alert had ended already"
        elif self._after.rested_at is None:
            yield "the end counts when it has settled"
        else:
            yield "the end; it counts when it has settled"
        self._seen.add("end")

    def _of_end(self) -> Iterator[str]:
        if not self._has_told_end:
            yield "the end lies before what counts of this alert: noted, not counted"

    def _of_deadline(self, event: Event) -> Iterator[str]:
        """Say once, at the moment it falls, why a result is not counted."""
        result = self._after.deadline_result
        if result not in _UNCOUNTED_RESULTS or event.kind not in (StepKind.DEADLINE, StepKind.LAST_READ):
            return
        if not self._has_told_deadline:
            self._has_told_deadline = True
            yield _UNCOUNTED_RESULTS[result]


def _rejected(told: Sums) -> list[str]:
    return sorted(dict(labels)["reason"] for total, labels, _ in told if total is Total.RECORDS_REJECTED)


def _totals(told: Sums) -> Collection[Total]:
    return {total for total, _, _ in told}
