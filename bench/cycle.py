"""A cycle over many alerts that searches found and of which none changed: the whole loop, in simulated time.

The real poller, ledger and reading of pages, without HTTP and without rendering. What the server answers is written
anew for each cycle, with a later `update_time`, as a server does while an alert stays open. Time is simulated, so that
the CPU seconds of a cycle are those of all that the loop does within one `poll.interval`, its ticks included.
"""

import gc
import json
import queue
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from math import log
from pathlib import Path

from bench.timing import Comparison, Quantity, at_most
from exporter.blueking import Head, Page, SearchQuery, read_body, read_page
from exporter.config import HistogramSettings, LabelSettings, PollSettings, RateLimitSettings, SearchSettings
from exporter.flow.labels import make_labels
from exporter.flow.records import FlowRecord, Log
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import OwnMetrics, Publisher
from exporter.poller.loop import Poller, Terms
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answer, Question, Workers
from exporter.service import bounds
from exporter.watch import SearchWatch, Watches
from exporter.watch.search import CAP

_SIZES = (1_000, 10_000, 100_000)
_ALLOWED = Quantity(20.0, "µs")
_GROWTH = 1.25
"""What still is linear: a CPU caches a thousand alerts, and no hundred thousand. O(n log n) would be 1.67."""
_CYCLES = 5
_STRATEGIES = 400
_NOW = 1_767_225_600.0
_POLL = PollSettings()
_AT_ONCE = 256
_LIMITS = RateLimitSettings(requests_per_second=10_000.0, burst=10_000, concurrency=_AT_ONCE)
_HEAD = Head("search_alert", 200)
_MOMENT = 1e-3
"""The shortest wait there is, in seconds: the clock must move, however little the loop asks for."""


@dataclass(slots=True)
class Cycle:
    """CPU seconds of one cycle: all that the loop did, and `json.loads` alone of the same answers."""

    ours: float = 0.0
    json: float = 0.0


@dataclass(slots=True)
class Measured:
    """Some cycles over so many alerts, and the longest times in which the loop did not wait, in CPU seconds.

    Of the times, `first` is that while all alerts were found and read for the first time, `pause` that of the cycles
    after that. What workers do is none of the loop's time.
    """

    alerts: int
    cycles: list[Cycle] = field(default_factory=list)
    pause: float = 0.0
    first: float = 0.0

    @property
    def ours(self) -> float:
        """Our CPU seconds for an alert in a cycle, beyond reading the JSON: those of the cycle disturbed least."""
        return min(cycle.ours for cycle in self.cycles) / self.alerts

    @property
    def json(self) -> float:
        """The CPU seconds of `json.loads` for an alert in a cycle."""
        return min(cycle.json for cycle in self.cycles) / self.alerts

    @property
    def by_json(self) -> float:
        """Ours by that of `json.loads` over all cycles, which a machine that is slower for a while changes least."""
        return sum(cycle.ours for cycle in self.cycles) / sum(cycle.json for cycle in self.cycles)


def run() -> Iterator[Comparison]:
    """Yield the comparisons: the cost of an alert in a cycle, its growth, and the longest pause of the loop."""
    small, middle, large = (_measure(alerts) for alerts in _SIZES)
    work = f"a search cycle over {large.alerts:,} watched alerts, nothing changed, CPU per alert:"
    ours = Quantity(large.ours * 1e6, "µs")
    yield Comparison(f"{work} ours / `json.loads` of the same answers", ours, Quantity(large.json * 1e6, "µs"))
    yield Comparison(f"{work} ours / what is allowed", ours, _ALLOWED, at_most(1.0))
    exponent = 1 + log(large.by_json / small.by_json) / log(large.alerts / small.alerts)
    grown = (
        f"{middle.alerts:,} alerts: {middle.by_json:.3g}. A cycle costs as many alerts to the power of {exponent:.2f}."
    )
    yield Comparison(
        f"the same, {large.alerts:,} alerts / {small.alerts:,}",
        Quantity(large.by_json, "times `json.loads`"),
        Quantity(small.by_json, "times `json.loads`"),
        at_most(_GROWTH),
        notes=(f"Ours is without reading the JSON. {grown}",),
    )
    first = f"While {large.alerts:,} alerts are found and read for the first time: {Quantity(large.first, 's')}."
    yield Comparison(
        f"the longest pause of the loop in such cycles: {large.alerts:,} alerts / {small.alerts:,}",
        Quantity(large.pause, "s"),
        Quantity(small.pause, "s"),
        notes=(first,),
    )


class _Server:
    """Answers searches, newest alert first, each created in a second of its own, and logs that show a creation."""

    def __init__(self, alerts: int) -> None:
        self._alerts = alerts
        self._first = int(_NOW) - 3600 - alerts

    def body(self, query: SearchQuery, now: float) -> bytes:
        """Return a page."""
        found = bisect_left(range(self._first, self._first + self._alerts), query.end)
        first = found - (query.page - 1) * query.page_size
        rows = [self._row(number, now) for number in range(first - 1, max(-1, first - 1 - query.page_size), -1)]
        total = min(found, CAP)
        return json.dumps({"result": True, "code": 200, "data": {"alerts": rows, "total": total}}).encode()

    def log(self, alert_id: str) -> Log:
        """Return a log: of what the search tells, so that nobody waits for more."""
        created_at = float(alert_id[:10])
        acks = (FlowRecord("ACK", "SUCCESS", created_at + 60.0),) if _is_acked(int(alert_id[10:])) else ()
        return Log((*acks, FlowRecord("CREATE", "SUCCESS", created_at)))

    def _row(self, number: int, now: float) -> dict[str, object]:
        created_at, strategy = self._first + number, number % _STRATEGIES
        return {
            "id": f"{created_at}{number:07}",
            "alert_name": f"磁盘使用率 {strategy}",
            "status": "ABNORMAL",
            "severity": 1 + strategy % 3,
            "bk_biz_id": 2 + strategy % 20,
            "bk_biz_name": f"demo {strategy % 20}",
            "strategy_id": 1000 + strategy,
            "strategy_name": f"disk usage {strategy}",
            "is_ack": _is_acked(number) or None,
            "is_shielded": False,
            "create_time": created_at,
            "begin_time": created_at - 60,
            "end_time": None,
            "latest_time": int(now) - number % 60,
            "update_time": int(now) - number % 60,
            "first_anomaly_time": created_at - 60,
            "duration": "1d 4h",
            "ack_duration": None,
            "ack_operator": "",
            "stage_display": "已通知",
            "assignee": ["admin"],
            "shield_left_time": "0s",
            "category": "os",
            "ip": "192.0.2.18",
            "bk_cloud_id": "0",
            "seq_id": number,
            "dimensions": [],
            "tags": [],
        }


def _is_acked(number: int) -> bool:
    return number % 3 == 0


class _Mailbox(queue.SimpleQueue[Answer | BaseException | None]):
    """The answers; a wait for one that is not there takes no time but the simulated one."""

    def __init__(self, bench: "_Bench") -> None:
        self._bench = bench

    def get(self, block: bool = True, timeout: float | None = None) -> Answer | BaseException | None:
        """Return an answer that is there; else let `timeout` pass, and raise `queue.Empty`."""
        if block:
            self._bench.waits(max(_MOMENT, timeout or 0.0) if self.empty() else 0.0)
        return super().get_nowait()


class _AtOnce(Workers):
    """Asks in the loop's thread, so that the order is always the same; the loop is not blamed for that time."""

    def __init__(self, bench: "_Bench", answers: _Mailbox) -> None:
        super().__init__("bench", bench.work, 0, answers, bench.clock)
        self._bench = bench
        self._mailbox = answers

    def submit(self, question: Question) -> None:
        """Have a question asked."""
        told = self._bench.work(question)
        self._mailbox.put(Answer("bench", question.key, self._bench.clock(), told))


class _Bench:
    """The simulated clock, the stopwatches, and the server."""

    def __init__(self, alerts: int) -> None:
        self.measured = Measured(alerts)
        self.stop = threading.Event()
        self._server = _Server(alerts)
        self._now = _NOW
        self._cycle_at = 0.0
        self._ends_at = float("inf")
        self._waited_at = self._cycle_began = time.process_time()
        self._working = 0.0  # since the loop waited last, by workers
        self._excluded = self._json = 0.0  # in this cycle

    def clock(self) -> float:
        """Tell the simulated time."""
        return self._now

    def waits(self, seconds: float) -> None:
        """Note that the loop waits, and let the time pass."""
        measured, busy = self.measured, time.process_time() - self._waited_at - self._working
        if self._cycle_at <= _NOW:
            measured.first = max(measured.first, busy)
        else:
            measured.pause = max(measured.pause, busy)
        self._now += seconds
        if self._now >= self._ends_at:
            self._end_cycle()
            self.stop.set()
        self._working = 0.0
        self._waited_at = time.process_time()

    def work(self, question: Question) -> Log | Page:
        """Answer a question; that is a worker's time, within the loop's thread here."""
        started = time.process_time()
        try:
            return self._server.log(question.key) if question.query is None else self._page(question.query)
        finally:
            self._working += time.process_time() - started

    def _page(self, query: SearchQuery) -> Page:
        if query.end > self._cycle_at:
            self._begin_cycle(query.end)
        started = time.process_time()
        body = self._server.body(query, self._now)
        written = time.process_time()
        json.loads(body)
        read = time.process_time()
        self._excluded += read - started
        self._json += read - written
        return read_page(read_body(body, _HEAD))

    def _begin_cycle(self, at: float) -> None:
        if self._cycle_at > _NOW:
            self._end_cycle()
        elif at > _NOW:
            gc.freeze()  # as `serve` does at its start, when it has read as many alerts from its ledger
        if len(self.measured.cycles) == _CYCLES - 1:
            self._ends_at = at + _POLL.interval
        self._cycle_at = at
        self._excluded = self._json = 0.0
        self._cycle_began = time.process_time()

    def _end_cycle(self) -> None:
        spent = time.process_time() - self._cycle_began
        self.measured.cycles.append(Cycle(spent - self._excluded - self._json, self._json))


def _measure(alerts: int) -> Measured:
    bench = _Bench(alerts)
    answers = _Mailbox(bench)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'flow.db'}"
        with closing(open_ledger(url, bounds(HistogramSettings()), clock=bench.clock)) as ledger:
            own = OwnMetrics("bench")
            polled, workers = _source(ledger, own), _AtOnce(bench, answers)
            poller = Poller([polled], {"bench": workers}, answers, ledger, Terms(60.0, 1e9), clock=bench.clock)
            poller.run(Publisher(poller.moment(), own, bench.clock), bench.stop)
    gc.unfreeze()
    return bench.measured


def _source(ledger: Ledger, own: OwnMetrics) -> SourcePoller:
    fields = tuple(LabelSettings(field=name) for name in ("bk_biz_id", "severity"))
    watch = SearchWatch("all", SearchSettings(bk_biz_ids=(-1,)), make_labels({"source": "bench"}), fields)
    return SourcePoller(
        "bench",
        watches=Watches("bench", (), ()),
        searches=(watch,),
        ledger=ledger,
        own=own,
        poll=_POLL,
        limits=_LIMITS,
        jitter=lambda: 0.5,
        now=_NOW,
    )
