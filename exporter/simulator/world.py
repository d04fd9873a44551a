"""The world: every alert there is, as a pure function of the settings and the time."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from zoneinfo import ZoneInfo

from exporter.simulator import plot
from exporter.simulator.lives import Alert, Life, in_order_of_creation
from exporter.simulator.rows import shown, written
from exporter.simulator.search import Search
from exporter.simulator.settings import SimulatorSettings
from exporter.simulator.truth import NO_TARGETS, Judgement, truth


class World:
    """All alerts and what becomes of them: the same settings and `now` (unix seconds) give the same answers.

    Lives are drawn from the settings, or are those given: a history written by hand. They are drawn once, in
    the order of creation, as far as anybody asks; several threads may ask at the same time.
    """

    def __init__(self, settings: SimulatorSettings, lives: Iterable[Life] | None = None) -> None:
        self.settings = settings
        self._zone = ZoneInfo(settings.timezone)
        by_hand = None if lives is None else iter(in_order_of_creation(lives))
        self._to_come: Iterator[Life] = by_hand or plot.lives(settings)
        self._next = next(self._to_come, None)
        self._drawn: list[Life] = []
        self._by_id: dict[str, Life] = {}
        self._lock = Lock()

    def alerts(self, now: float) -> tuple[Alert, ...]:
        """Return the alerts that were created by `now`, oldest first."""
        return tuple(life.alert for life in self._created(now))

    def log(self, alert_id: str, now: float) -> list[dict[str, object]] | None:
        """Return the rows of an alert as get_event_log answers them; None for an id unknown at `now`."""
        self._draw(now)
        life = self._by_id.get(alert_id)
        if life is None or life.alert.created_at > now:
            return None
        dialect = self.settings.dialect
        return [written(row, alert_id, dialect, self._zone) for row in shown(life.rows, dialect, now)]

    def search(self, body: Mapping[str, object], now: float) -> dict[str, object]:
        """Return the `data` that search_alert answers to this body; raises Refused where it would say no."""
        return Search.read(body).find(self._created(now), now)

    def truth(self, now: float, judgement: Judgement = NO_TARGETS) -> dict[str, object]:
        """Return what one would count by hand from all that is visible at `now`."""
        return truth(self._created(now), self.settings.dialect, now, judgement)

    def _created(self, now: float) -> list[Life]:
        self._draw(now)
        return self._drawn[: bisect_right(self._drawn, now, key=lambda life: life.alert.created_at)]

    def _draw(self, now: float) -> None:
        with self._lock:
            while self._next is not None and self._next.alert.created_at <= now:
                self._drawn.append(self._next)
                self._by_id[self._next.alert.id] = self._next
                self._next = next(self._to_come, None)
