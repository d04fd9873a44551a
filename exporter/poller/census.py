"""The census of a source: who is watched, and how many of them are in which state; kept up change by change."""

from collections import Counter
from collections.abc import Collection

from exporter.flow.known import KnownAlert
from exporter.metrics.moment import WatchedState

Key = tuple[str, str]


class Census:
    """Told of everyone who joins, is read, rests or leaves, and counts nobody twice. Used by one thread."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._watched: frozenset[Key] = frozenset()  # but for those who joined or left since that was told last:
        self._joined: set[Key] = set()
        self._left: set[Key] = set()
        self._resting: set[str] = set()
        self._ended: set[str] = set()  # those that ended and do not rest yet

    @property
    def watched(self) -> frozenset[Key]:
        """The keys of the watched alerts: the same object as before where nobody joined or left."""
        if self._joined or self._left:
            watched = self._watched | self._joined
            self._watched = watched - self._left if self._left else watched
            self._joined, self._left = set(), set()
        return self._watched

    def note(self, known: KnownAlert) -> None:
        """Note what is known of a watched alert, which may be new here."""
        self.note_all((known,))

    def note_all(self, alerts: Collection[KnownAlert]) -> None:
        """Note what is known of watched alerts, any of which may be new here."""
        keys = {known.key for known in alerts}
        self._joined |= keys - self._watched
        self._left -= keys
        for known in alerts:
            if known.rested_at is not None:
                self.rest(known.alert_id)
            elif known.outcome is not None:
                self._ended.add(known.alert_id)

    def rest(self, alert_id: str) -> None:
        """Note that an alert rests, where it is watched."""
        self._ended.discard(alert_id)
        if self._is_watched((self._source, alert_id)):
            self._resting.add(alert_id)

    def leave(self, alert_id: str) -> None:
        """Forget an alert; it need not be watched."""
        key = self._source, alert_id
        if key in self._joined:
            self._joined.discard(key)
        elif key in self._watched:
            self._left.add(key)
        self._resting.discard(alert_id)
        self._ended.discard(alert_id)

    def states(self, given_up: Collection[str]) -> Counter[WatchedState]:
        """Return how many alerts are open or settling; `given_up` are watched ones that count as neither."""
        settling = len(self._ended) - sum(alert_id in self._ended for alert_id in given_up)
        watched = len(self._watched) + len(self._joined) - len(self._left)
        others = watched - len(self._resting) - len(given_up) - settling
        return Counter({WatchedState.OPEN: others, WatchedState.SETTLING: settling})

    def _is_watched(self, key: Key) -> bool:
        return key in self._joined or (key in self._watched and key not in self._left)
