"""The tally: how often each endpoint was called, and get_event_log for each id."""

from collections import Counter
from threading import Lock


class Tally:
    """Counts requests, good or bad, from several threads."""

    def __init__(self) -> None:
        self._endpoints: Counter[str] = Counter(get_event_log=0, search_alert=0)
        self._by_id: Counter[str] = Counter()
        self._lock = Lock()

    def count(self, endpoint: str, alert_id: str | None) -> int:
        """Count one request, for an alert or None for a search; return how many there were."""
        with self._lock:
            self._endpoints[endpoint] += 1
            if alert_id is not None:
                self._by_id[alert_id] += 1
            return self._endpoints.total()

    def to_json(self) -> dict[str, dict[str, int]]:
        """Return `{"endpoints": {endpoint: n}, "get_event_log": {id: n}}`."""
        with self._lock:
            return {"endpoints": dict(self._endpoints), "get_event_log": dict(self._by_id)}
