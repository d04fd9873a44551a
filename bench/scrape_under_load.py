"""Scrapes by eight clients at once while the exporter polls as fast as it can, and while it polls nothing."""

import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

from bench.servers import Server, free_address, metrics_of, running
from bench.timing import Comparison, Quantity

_ALERTS = 5_000
_CLIENTS = 8
_SCRAPES = 250  # of each client
_BUSY = 50  # polls a second; as a rule it is ten times as many
_PAUSE = 0.05  # between two of them: 160 scrapes a second is what eight hundred Prometheus servers would do
_FIRST_ID = 164_239_028_600_000
_COMMAND = str(Path(sys.executable).with_name("bkmonitor-flow-exporter"))
_CONFIG = """\
sources:
  - name: fast
    url: http://{address}
    auth: {{app_code: a, app_secret: b, username: c}}
    rate_limit: {{requests_per_second: 10000, burst: 10000, concurrency: 4}}
    watch: [{{alerts: {alerts}}}]
poll: {{interval: {interval}, acked_interval: {interval}, max_age: 36500d}}
limits: {{alert_series: 100000}}
"""


def run() -> Comparison:
    """Return the comparison of the slowest scrape in a hundred."""
    with ExitStack() as running_too:
        folder = Path(running_too.enter_context(tempfile.TemporaryDirectory()))
        source = running_too.enter_context(_source(folder))
        with _exporter(folder / "idle", source, interval="1d") as idle:
            quiet, _ = _scraped(idle)
        with _exporter(folder / "busy", source, interval="1s") as busy:
            loaded, polls = _scraped(busy)
    if polls < _BUSY:
        raise RuntimeError(f"{polls:.0f} polls a second are not full speed")
    return Comparison(
        f"99th percentile of scrapes, {_CLIENTS} clients at once: while polling at full speed / while polling nothing",
        Quantity(_p99(loaded), "s"),
        Quantity(_p99(quiet), "s"),
        notes=(
            f"{_ALERTS:,} alerts, {_CLIENTS * _SCRAPES:,} scrapes each, gzip; {polls:.0f} polls a second meanwhile.",
            "Server, source and clients share the cores.",
        ),
    )


@contextmanager
def _source(folder: Path) -> Iterator[Server]:
    address = free_address()
    command = [sys.executable, "-m", "bench.fast_server", address.rpartition(":")[2], "open"]
    with running(command, address, folder, lambda server: metrics_of(server) != "") as server:
        yield server


@contextmanager
def _exporter(folder: Path, source: Server, *, interval: str) -> Iterator[Server]:
    folder.mkdir()
    config, address = folder / "config.yaml", free_address()
    alerts = [_FIRST_ID + number for number in range(_ALERTS)]
    config.write_text(_CONFIG.format(address=source.address, alerts=alerts, interval=interval))
    command = [_COMMAND, "serve", f"--config.file={config}", f"--web.listen-address={address}", "--log.level=warning"]
    with running(command, address, folder, lambda server: _polls(server) >= _ALERTS) as server:
        yield server


def _polls(server: Server) -> float:
    line = next(line for line in metrics_of(server).splitlines() if "_exporter_polls_total{" in line)
    return float(line.split()[-1])


def _scraped(server: Server) -> tuple[list[float], float]:
    """Return how long each scrape took, and how many polls a second there were meanwhile."""
    seconds: list[float] = []
    clients = [threading.Thread(target=_scrape, args=(server, seconds)) for _ in range(_CLIENTS)]
    polls, started = _polls(server), time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if len(seconds) != _CLIENTS * _SCRAPES:
        raise RuntimeError("a client failed; its error stands above")
    return seconds, (_polls(server) - polls) / (time.perf_counter() - started)


def _scrape(server: Server, seconds: list[float]) -> None:
    connection = http.client.HTTPConnection(server.address, timeout=30)
    for _ in range(_SCRAPES):
        started = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        connection.getresponse().read()
        seconds.append(time.perf_counter() - started)
        time.sleep(_PAUSE)
    connection.close()


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[-1]
