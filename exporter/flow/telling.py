"""What a read makes of an alert's milestones: each is told to the totals once, and then marked as told."""

from dataclasses import replace

from exporter.flow.deadlines import COUNTED_RESULTS, DeadlineResult
from exporter.flow.ending import Ending
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import Labels, extend
from exporter.flow.observations import Count, Latency, Observation, Total, rejected
from exporter.flow.sightings import Outcome


class Teller:
    """Collects in `told` what one read of `known` at `now` tells; `created_at` is the creation as of that read."""

    def __init__(self, known: KnownAlert, created_at: float | None, now: float, *, is_read: bool = True) -> None:
        self._known = known
        self._created_at = created_at
        self._now = now
        self._is_read = is_read
        self._looked_at = now if is_read else known.read_at
        self.told: list[Observation] = []
        if known.ack_target is not None and known.read_at is None:
            # A deadline that is missed must show at once, not after the hold of a birth.
            for result in COUNTED_RESULTS:
                self.told.append(Count(Total.ACK_DEADLINES, extend(known.labels, result=result), 0))

    def milestone(self, milestone: Milestone, total: Total, ending: Ending) -> Milestone:
        """Tell the latency of a milestone that was reached; return it as told.

        A creation that is still unknown may come with a late record, until the alert rests.
        """
        can_be_told = self._created_at is not None or ending.rested_at is not None
        if milestone.at is None or milestone.observed or not can_be_told:
            return milestone
        self._latency(total, self._known.labels, milestone.at)
        return replace(milestone, observed=True)

    def end(self, ending: Ending, ack: Milestone) -> Milestone:
        """Tell an end that has settled; return it as told.

        An ACK whose record is missing for good, but of which a search told, is one all the same.
        """
        end = ending.end
        if ending.rested_at is None or ending.outcome is None or end.at is None or end.observed:
            return end
        labels = extend(self._known.labels, outcome=ending.outcome)
        is_acked = self._known.is_acked if ack.at is None else ack.at <= end.at
        self.told.append(Count(Total.ALERTS_ENDED, extend(labels, acked=str(is_acked).lower()), 1))
        if ending.outcome is not Outcome.EXPIRED:
            self._latency(Total.TIME_TO_END, labels, end.at)
        return replace(end, observed=True)

    def deadline(self, ending: Ending, ack: Milestone, settle: float) -> DeadlineResult | None:
        """Tell what came of the ack deadline, once that is certain; return it, also where it is not counted."""
        known = self._known
        if known.deadline_result is not None or known.ack_target is None or self._created_at is None:
            return known.deadline_result
        deadline = self._created_at + known.ack_target
        certain = self._certain(deadline, ending, ack, settle, known.zone_error(self._created_at))
        if certain is None:
            return None
        result, at = certain
        if known.is_history(at):
            return DeadlineResult.HISTORY
        if known.is_shielded:
            return DeadlineResult.SHIELDED
        self.told.append(Count(Total.ACK_DEADLINES, extend(known.labels, result=result), 1))
        return result

    def _certain(
        self, deadline: float, ending: Ending, ack: Milestone, settle: float, zone_error: float
    ) -> tuple[DeadlineResult, float] | None:
        """Return the result and when it came about; None while late records may still decide it.

        Where an ACK's record is missing, the moment at which a search told of it stands for it: it was no later.
        Records are compared with each other; what the clock told is put into their time, which may be of another zone.
        """
        end = ending.end.at
        sighted_at = self._known.ack_sighted_at
        acked_at = sighted_at + zone_error if ack.at is None and sighted_at is not None else ack.at
        if acked_at is not None and acked_at <= deadline and (end is None or ack.at is None or ack.at <= end):
            return DeadlineResult.MET, acked_at
        if ending.rested_at is None:
            may_have_ended = end is not None and end < deadline
            is_late_ack = ack.at is None and self._known.ack_record_is_late
            if self._now + zone_error < deadline + settle or may_have_ended or is_late_ack:
                return None
        if end is not None and end < deadline and ending.outcome is not Outcome.EXPIRED:
            return DeadlineResult.ENDED, end
        if not self._is_seen_after(deadline, ending, zone_error):
            return None  # its log could be read no more: that nobody acknowledged it in time, no read tells
        return DeadlineResult.MISSED, deadline

    def _is_seen_after(self, deadline: float, ending: Ending, zone_error: float) -> bool:
        """Whether a read was made after the deadline: by our clock or, where that is behind, by an end it told."""
        if self._looked_at is not None and self._looked_at + zone_error >= deadline:
            return True
        return (self._is_read or ending.is_recorded) and ending.end.at is not None and ending.end.at >= deadline

    def _latency(self, total: Total, labels: Labels, at: float) -> None:
        known, created_at = self._known, self._created_at
        if created_at is None:
            self.told.append(rejected(known.labels, "creation_unknown", 1))
            return
        if at < created_at:
            self.told.append(rejected(known.labels, "negative_latency", 1))
        self.told.append(Latency(total, labels, max(0.0, at - created_at), known.alert_id, self._now))
