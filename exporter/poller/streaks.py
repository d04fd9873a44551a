"""Which alerts fail again and again, and which of them are given up."""

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

    def after(self, alert_id: str, reason: Reason, now: float) -> tuple[Streak, GivenUp | None]:
        """Return what one more failure makes of an alert; nothing changes."""
        streak = fail(self._streaks.get(alert_id), reason, now)
        return streak, streak.given_up(self._answered_at())

    def failed(self, alert_id: str, error: BlueKingError, now: float) -> tuple[Streak, GivenUp | None]:
        """Note one more failure; return what it makes of the alert, and log where that is another standing."""
        before = self.given_up(alert_id)
        streak, given_up = self.after(alert_id, error.reason, now)
        self._streaks[alert_id] = streak
        self._errors[alert_id] = str(error)
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
        self._streaks.pop(alert_id, None)
        self._errors.pop(alert_id, None)

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
        """Return the alerts that are given up, and how each stands."""
        standings = ((alert_id, self.given_up(alert_id)) for alert_id in self._streaks)
        return {alert_id: given_up for alert_id, given_up in standings if given_up is not None}
