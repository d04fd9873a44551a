"""The publisher: renders the newest moment in a thread of its own, so that neither polls nor scrapes wait for it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator

from prometheus_client.registry import Collector

from exporter.ledger import Series
from exporter.metrics.moment import Moment
from exporter.metrics.renderer import CountDropped, Renderer
from exporter.metrics.snapshot import Form, Snapshot
from exporter.metrics.texts import Format

_REST_PER_RENDERING = 4.0  # after a rendering, as many times its duration: at most a fifth of one core goes into it
_DEMAND = 300.0  # seconds for which a form of the body that was asked for is made ahead of the next scrape
_USUAL = Form(Format.OPENMETRICS, is_gzipped=True)  # as Prometheus asks: ready for its first scrape


class Publisher:
    """Holds the current snapshot. Moments that come while one is rendered replace each other; the newest wins.

    `count_dropped` gets how many alerts more have no series in a family, for the limit's sake.
    """

    def __init__(
        self,
        first: Moment,
        own: Collector,
        clock: Callable[[], float],
        count_dropped: CountDropped = lambda _family, _alerts: None,
    ) -> None:
        self._renderer = Renderer(own, count_dropped)
        self._clock = clock
        self._asked = {_USUAL: time.monotonic()}
        self._current = self._render(first)
        self._next: Moment | None = None
        self._bug: BaseException | None = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._served: deque[tuple[tuple[Series, ...], float]] = deque()
        self._last_served: Snapshot | None = None
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def current(self) -> Snapshot:
        """The newest snapshot that is ready."""
        return self._current

    def scrape(self, form: Form, names: Collection[str] = ()) -> bytes:
        """Return the newest body that is ready to a scrape, and note which series that gets as 0 for the first time.

        `names` leave only the families that have one of them. Raises `LeaseEnded` as `Snapshot.answer`.
        """
        snapshot = self._current
        self._asked[form] = time.monotonic()
        body = snapshot.answer(form, names)
        newborn = snapshot.newborn_among(names)
        if newborn and (names or snapshot is not self._last_served):
            self._served.append((newborn, self._clock()))
        if not names:
            self._last_served = snapshot
        return body

    def take_served(self) -> Iterator[tuple[tuple[Series, ...], float]]:
        """Yield, once each, the series that scrapes got as 0 for the first time, and when (unix seconds)."""
        while self._served:
            yield self._served.popleft()

    def publish(self, moment: Moment) -> None:
        """Have `moment` rendered; returns at once. Raises what ended the rendering thread: stale is worse than none."""
        if self._bug is not None:
            raise self._bug
        with self._changed:
            self._next = moment
            self._changed.notify()

    def start(self) -> None:
        """Begin to render what is published."""
        self._thread.start()

    def stop(self) -> None:
        """Render nothing more; returns when a rendering under way is done."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while (moment := self._await()) is not None:
                started = time.perf_counter()
                self._current = self._render(moment)
                self._stopping.wait(_REST_PER_RENDERING * (time.perf_counter() - started))
        except BaseException as bug:  # noqa: BLE001 - handed to the thread that publishes
            self._bug = bug

    def _render(self, moment: Moment) -> Snapshot:
        """Return the snapshot of a moment with those bodies that scrapes ask for these days."""
        snapshot = self._renderer.render(moment)
        for form, asked_at in tuple(self._asked.items()):
            if time.monotonic() - asked_at < _DEMAND:
                snapshot.body(form)
        return snapshot

    def _await(self) -> Moment | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping.is_set() or self._next is not None)
            moment, self._next = self._next, None
            return None if self._stopping.is_set() else moment
