"""First polls of many alerts, as the service does them, against a bare loop of `requests` over the same answers.

Ours goes through the ledger and renders what a scrape gets, as the service does; the bare loop parses the JSON and
keeps nothing. Both ask as many at once, over connections that stay open, and send the same credentials.
"""

import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import requests

from bench.timing import Comparison, Quantity, at_least
from exporter.blueking import BlueKing, Reason
from exporter.blueking.auth import HEADER
from exporter.config import Settings, load_config
from exporter.flow.records import Log
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import OwnMetrics, Publisher
from exporter.poller.loop import Poller, Terms
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answers, Question, Workers
from exporter.service import bounds
from exporter.watch import Watches

_ALERTS = 5_000
_ROUNDS = 7
_CONCURRENCY = 4
_FIRST_ID = 164_239_028_600_000
_CREDENTIALS = '{"bk_app_code": "a", "bk_app_secret": "b", "bk_username": "c"}'
_CONFIG = """\
sources:
  - name: fast
    url: http://127.0.0.1:{port}
    auth: {{app_code: a, app_secret: b, username: c}}
    rate_limit: {{requests_per_second: 10000, burst: 10000, concurrency: {concurrency}}}
    watch: [{{alerts: {alerts}}}]
"""


def run() -> Iterator[Comparison]:
    """Yield the comparisons: polls a second, which is what is asked, and CPU, which a busy machine blurs less."""
    with _server() as port, tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder), port)
        rounds = [(_measured(lambda: _ours(settings)), _measured(lambda: _bare(port))) for _ in range(_ROUNDS)]
    (ours, ours_cpu), (bare, bare_cpu) = (_medians(side) for side in zip(*rounds, strict=True))
    what = f"first polls of {_ALERTS:,} alerts, {_CONCURRENCY} at once"
    ways = "with the ledger / a bare loop of requests"
    ratios = ", ".join(f"{theirs[0] / mine[0]:.2f}" for mine, theirs in rounds)
    yield Comparison(
        f"{what}: {ways}",
        Quantity(_ALERTS / ours, "polls/s"),
        Quantity(_ALERTS / bare, "polls/s"),
        at_least(0.9),
        (f"Median of {_ROUNDS} rounds; their ratios, one by one: {ratios}.",),
    )
    yield Comparison(f"CPU of a poll: {ways}", Quantity(ours_cpu / _ALERTS, "s"), Quantity(bare_cpu / _ALERTS, "s"))


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that it took, and those of CPU of this process."""
    started, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - cpu


def _medians(side: Iterable[tuple[float, float]]) -> tuple[float, float]:
    seconds, cpu = zip(*side, strict=True)
    return median(seconds), median(cpu)


def _ours(settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as name:
        _poll_all(Path(name), settings)


def _poll_all(folder: Path, settings: Settings) -> None:
    (source,) = settings.sources
    answers: Answers = queue.SimpleQueue()
    stop, left = threading.Event(), iter(range(_ALERTS - 1, -1, -1))
    own = OwnMetrics("bench")
    own.add_source(source.name, Reason, ["get_event_log"])
    client = BlueKing(source, observe=partial(own.requested, source.name), now=time.time)

    def ask(question: Question) -> Log:
        log = client.get_event_log(question.key)
        if next(left) == 0:
            stop.set()
            answers.put(None)
        return log

    ledger = open_ledger(f"sqlite:///{folder}/flow.db", bounds(settings.histograms), own.committed)
    workers = Workers(source.name, ask, _CONCURRENCY, answers, time.time)
    poller = _poller(settings, workers, answers, ledger, own)
    publisher = Publisher(poller.moment(), own, time.time)
    publisher.start()
    poller.run(publisher, stop)
    publisher.stop()
    workers.stop()
    client.close()
    ledger.close()


def _poller(settings: Settings, workers: Workers, answers: Answers, ledger: Ledger, own: OwnMetrics) -> Poller:
    (source,) = settings.sources
    polled = SourcePoller(
        source.name,
        watches=Watches(source.name, source.watch, ()),
        ledger=ledger,
        own=own,
        poll=settings.poll,
        limits=source.rate_limit,
        jitter=lambda: 0.5,
        now=time.time(),
    )
    return Poller([polled], {source.name: workers}, answers, ledger, Terms(60.0, 1e9), clock=time.time)


def _bare(port: int) -> None:
    own = threading.local()

    def ask(number: int) -> object:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.headers[HEADER] = _CREDENTIALS
        url = f"http://127.0.0.1:{port}/log"
        return own.session.get(url, params={"id": str(_FIRST_ID + number)}, timeout=10).json()

    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        list(pool.map(ask, range(_ALERTS)))


def _settings(folder: Path, port: int) -> Settings:
    alerts = [str(_FIRST_ID + number) for number in range(_ALERTS)]
    config = folder / "config.yaml"
    config.write_text(_CONFIG.format(port=port, concurrency=_CONCURRENCY, alerts=alerts))
    return load_config(config, {})


@contextmanager
def _server() -> Iterator[int]:
    command = [sys.executable, "-m", "bench.fast_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own module
        if server.stdout is None:
            raise AssertionError("it is a pipe")
        yield int(server.stdout.readline())
        server.terminate()
