"""Which alerts fail again and again, and which of them are given up."""

from collections.abc import Callable

from exporter.blueking import Reason
from exporter.poller.schedule import GivenUp, Streak, fail


class Streaks:
    """Failures in a row by alert. `answered_at` tells when the source last answered for any alert (unix seconds)."""

    def __init__(self, answered_at: Callable[[], float | None]) -> None:
        self._answered_at = answered_at
        self._streaks: dict[str, Streak] = {}

    def after(self, alert_id: str, reason: Reason, now: float) -> tuple[Streak, GivenUp | None]:
        """Return what one more failure makes of an alert; nothing changes."""
        streak = fail(self._streaks.get(alert_id), reason, now)
        return streak, streak.given_up(self._answered_at())

    def put(self, alert_id: str, streak: Streak) -> None:
        """Note what `after` returned."""
        self._streaks[alert_id] = streak

    def clear(self, alert_id: str) -> None:
        """Forget an alert's failures; it need not have any."""
        self._streaks.pop(alert_id, None)

    def given_up(self, alert_id: str) -> GivenUp | None:
        """Return how an alert stands."""
        streak = self._streaks.get(alert_id)
        return None if streak is None else streak.given_up(self._answered_at())
