"""First polls of many alerts, ledger and all, against a bare loop of `requests` with the same concurrency."""

import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.timing import Comparison, compare
from exporter.blueking import BlueKing
from exporter.config import Settings, load_config
from exporter.flow.records import Log
from exporter.ledger import open_ledger
from exporter.metrics import OwnMetrics, Publisher
from exporter.poller.loop import Poller
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answers, Question, Workers
from exporter.service import bounds
from exporter.watch import Watches

_ALERTS = 5_000
_CONCURRENCY = 4
_FIRST_ID = 164_239_028_600_000
_CONFIG = """\
sources:
  - name: fast
    url: http://127.0.0.1:{port}
    auth: {{app_code: a, app_secret: b, username: c}}
    rate_limit: {{requests_per_second: 10000, burst: 10000, concurrency: {concurrency}}}
    watch: [{{alerts: {alerts}}}]
"""


def run() -> Comparison:
    """Return the comparison."""
    with _server() as port, tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder), port)
        return compare(
            f"first poll of {_ALERTS} alerts, {_CONCURRENCY} at once: with the ledger / bare requests",
            lambda: _ours(settings),
            lambda: _bare(port),
        )


def _ours(settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as name:
        _poll_all(Path(name), settings)


def _poll_all(folder: Path, settings: Settings) -> None:
    (source,) = settings.sources
    answers: Answers = queue.SimpleQueue()
    stop, left = threading.Event(), iter(range(_ALERTS - 1, -1, -1))
    client = BlueKing(source, observe=lambda _endpoint, _code, _seconds: None, now=time.time)

    def ask(question: Question) -> Log:
        log = client.get_event_log(question.key)
        if next(left) == 0:
            stop.set()
            answers.put(None)
        return log

    ledger = open_ledger(f"sqlite:///{folder}/flow.db", bounds(settings.histograms))
    own = OwnMetrics("bench")
    workers = Workers(source.name, ask, _CONCURRENCY, answers, time.time)
    poller = Poller(
        [
            SourcePoller(
                source.name,
                watches=Watches(source.name, source.watch, ()),
                ledger=ledger,
                own=own,
                poll=settings.poll,
                limits=source.rate_limit,
                jitter=lambda: 0.5,
                now=time.time(),
            )
        ],
        {source.name: workers},
        answers,
        ledger,
        birth_hold=60.0,
        retention=1e9,
        clock=time.time,
    )
    poller.run(Publisher(poller.moment(), own, time.time), stop)
    workers.stop()
    client.close()
    ledger.close()


def _bare(port: int) -> None:
    own = threading.local()

    def ask(number: int) -> object:
        if not hasattr(own, "session"):
            own.session = requests.Session()
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
