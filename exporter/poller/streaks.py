"""Which alerts fail again and again, and which of them are given up."""

import heapq
from collections.abc import Callable, Mapping

import structlog

from exporter.blueking import BlueKingError, Reason
from exporter.flow.known import KnownAlert
from exporter.poller.schedule import SOURCE_REASONS, GivenUp, Streak, fail

log = structlog.get_logger()


class Streaks:
    """Failures in a row by alert. `answered_at` tells when the source last answered for any alert (unix seconds)."""

    def __init__(self, source: str, answered_at: Callable[[], float | None]) -> None:
        self._source = source
        self._answered_at = answered_at
        self._streaks: dict[str, Streak] = {}
        self._errors: dict[str, str] = {}
        # Who is given up as the source last answered at `_judged_by`, and who is once it answers again, by since when.
        self._given_up: dict[str, GivenUp] = {}
        self._judged_by: float | None = None
        self._hopeless: list[tuple[float, str]] = []
        self._all_given_up: Mapping[str, GivenUp] | None = None

    def after(self, alert_id: str, reason: Reason, now: float) -> tuple[Streak, GivenUp | None]:
        """Return what one more failure makes of an alert; nothing changes."""
        streak = fail(self._streaks.get(alert_id), reason, now)
        return streak, streak.given_up(self._answered_at())

    def failed(self, alert_id: str, error: BlueKingError, now: float) -> tuple[Streak, GivenUp | None]:
        """Note one more failure; return what it makes of the alert, and log where that is another standing."""
        before, streak_before = self.given_up(alert_id), self._streaks.get(alert_id)
        streak, given_up = self.after(alert_id, error.reason, now)
        self._streaks[alert_id] = streak
        self._errors[alert_id] = str(error)
        if streak.is_hopeless and not (streak_before is not None and streak_before.is_hopeless):
            heapq.heappush(self._hopeless, (streak.since, alert_id))
        self._judge(alert_id)
        if given_up is not before:
            log.warning("alert is given up", source=self._source, alert_id=alert_id, state=given_up, error=str(error))
        return streak, given_up

    def is_lost_after(self, known: KnownAlert, reason: Reason, now: float, max_age: float) -> bool:
        """Whether after one more failure an alert's log will tell no more: it is gone, or fails beyond all patience.

        Patience ends `max_age` seconds after first sight, and goes as far for an alert that was never read, which the
        source may not know yet. One that no search told of either stays asked about: there is nothing to conclude from.
        """
        if reason in SOURCE_REASONS or (known.read_at is None and known.sighting is None):
            return False
        _, given_up = self.after(known.alert_id, reason, now)
        is_gone = given_up is GivenUp.MISSING and known.read_at is not None
        return is_gone or (given_up is not None and now >= known.first_seen_at + max_age)

    def clear(self, alert_id: str) -> None:
        """Forget an alert's failures; it need not have any."""
        if self._streaks.pop(alert_id, None) is not None:
            self._errors.pop(alert_id)
            self._judge(alert_id)

    def error(self, alert_id: str) -> str:
        """Return why the last poll of an alert failed; empty where it did not. Any thread may ask."""
        return self._errors.get(alert_id, "")

    def has_failed(self, alert_id: str) -> bool:
        """Whether the last poll of an alert failed."""
        return alert_id in self._streaks

    def given_up(self, alert_id: str) -> GivenUp | None:
        """Return how an alert stands."""
        streak = self._streaks.get(alert_id)
        return None if streak is None else streak.given_up(self._answered_at())

    def all_given_up(self) -> Mapping[str, GivenUp]:
        """Return the alerts that are given up, and how each stands; the same object as before where nothing changed."""
        answered_at, before = self._answered_at(), self._judged_by
        self._judged_by = answered_at
        if before is not None and (answered_at is None or answered_at < before):  # the clock was set back
            self._hopeless = sorted((s.since, alert_id) for alert_id, s in self._streaks.items() if s.is_hopeless)
            for alert_id in self._streaks:
                self._judge(alert_id)
        while answered_at is not None and self._hopeless and self._hopeless[0][0] < answered_at:
            self._judge(heapq.heappop(self._hopeless)[1])
        if self._all_given_up is None:
            self._all_given_up = dict(self._given_up)
        return self._all_given_up

    def _judge(self, alert_id: str) -> None:
        streak, before = self._streaks.get(alert_id), self._given_up.get(alert_id)
        given_up = None if streak is None else streak.given_up(self._judged_by)
        if given_up is before:
            return
        self._all_given_up = None
        if given_up is None:
            del self._given_up[alert_id]
        else:
            self._given_up[alert_id] = given_up
