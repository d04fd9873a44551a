"""The publisher: renders the newest moment in a thread of its own, so that neither polls nor scrapes wait for it."""

import threading

from prometheus_client.registry import Collector

from exporter.metrics.moment import Moment
from exporter.metrics.snapshot import Snapshot, take


class Publisher:
    """Holds the current snapshot. Moments that come while one is rendered replace each other; the newest wins."""

    def __init__(self, first: Moment, own: Collector) -> None:
        self._own = own
        self._current = take(first, own)
        self._next: Moment | None = None
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def current(self) -> Snapshot:
        """The newest snapshot that is ready."""
        return self._current

    def publish(self, moment: Moment) -> None:
        """Have `moment` rendered; returns at once."""
        with self._changed:
            self._next = moment
            self._changed.notify()

    def start(self) -> None:
        """Begin to render what is published."""
        self._thread.start()

    def stop(self) -> None:
        """Render nothing more; returns when a rendering under way is done."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (moment := self._await()) is not None:
            self._current = take(moment, self._own)

    def _await(self) -> Moment | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._next is not None)
            moment, self._next = self._next, None
            return None if self._stopping else moment
