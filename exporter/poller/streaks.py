"""Which alerts fail again and again, and which of them are given up."""

from collections.abc import Callable

import structlog

from exporter.blueking import BlueKingError, Reason
from exporter.poller.schedule import GivenUp, Streak, fail

log = structlog.get_logger()


class Streaks:
    """Failures in a row by alert. `answered_at` tells when the source last answered for any alert (unix seconds)."""

    def __init__(self, source: str, answered_at: Callable[[], float | None]) -> None:
        self._source = source
        self._answered_at = answered_at
        self._streaks: dict[str, Streak] = {}

    def after(self, alert_id: str, reason: Reason, now: float) -> tuple[Streak, GivenUp | None]:
        """Return what one more failure makes of an alert; nothing changes."""
        streak = fail(self._streaks.get(alert_id), reason, now)
        return streak, streak.given_up(self._answered_at())

    def failed(self, alert_id: str, error: BlueKingError, now: float) -> tuple[Streak, GivenUp | None]:
        """Note one more failure; return what it makes of the alert, and log where that is another standing."""
        before = self.given_up(alert_id)
        streak, given_up = self.after(alert_id, error.reason, now)
        self._streaks[alert_id] = streak
        if given_up is not before:
            log.warning("alert is given up", source=self._source, alert_id=alert_id, state=given_up, error=str(error))
        return streak, given_up

    def clear(self, alert_id: str) -> None:
        """Forget an alert's failures; it need not have any."""
        self._streaks.pop(alert_id, None)

    def given_up(self, alert_id: str) -> GivenUp | None:
        """Return how an alert stands."""
        streak = self._streaks.get(alert_id)
        return None if streak is None else streak.given_up(self._answered_at())
