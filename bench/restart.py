"""A restart with many open alerts: from the start of the process to its first scrape, which tells all of them."""

import gzip
import http.client
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.installed import install
from bench.open_alerts import ALERTS, OPENMETRICS, told_alerts, write_config, write_ledger
from bench.servers import Server, free_address
from bench.timing import Comparison, Quantity, at_most, seconds_of

_ALLOWED = Quantity(3.0, "s")
_ROUNDS = 10
_WITHIN = 120.0
_TRY_EVERY = 0.01
_STOP_WITHIN = 15.0
# A restart finds byte code; where none may be written, each start would compile all modules anew.
_ENVIRONMENT = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
# Run in a process of its own, so that it imports as much as `serve` does.
_FIRST_PHASES = """\
import sys, time
from pathlib import Path
started = time.perf_counter()
import exporter.commands.serving
print(time.perf_counter() - started)
from exporter.config import load_config
from exporter.ledger import open_ledger
from exporter.service import bounds
settings = load_config(Path(sys.argv[1]), {})
limits = bounds(settings.histograms, settings.ack_targets)
import gc
gc.disable()  # as `serve` does
started = time.perf_counter()
ledger = open_ledger(settings.ledger.url, limits)
print(time.perf_counter() - started)
ledger.close()
"""


@dataclass(frozen=True, slots=True)
class _Start:
    """One start: the seconds to the first scrape, and the CPU seconds of the process until then."""

    seconds: float
    cpu: float


def run() -> Iterator[Comparison]:
    """Yield the comparisons with reading the ledger's file once, and with what is allowed."""
    with tempfile.TemporaryDirectory() as name:
        serve = install(Path(name, "installed"))
        config = write_config(Path(name), own_label_sets=False)
        ledger = write_ledger(config, time.time(), own_label_sets=False)
        size = Quantity(ledger.stat().st_size, "bytes")
        loops, starts = zip(*((seconds_of(_loop), _start(serve, config)) for _ in range(_ROUNDS)), strict=True)
        reading = Quantity(min(seconds_of(ledger.read_bytes) for _ in range(_ROUNDS)), "s")
        phases = [_first_phases(serve, config) for _ in range(_ROUNDS)]
    start = Quantity(min(each.seconds for each in starts), "s")
    imports, loading = (Quantity(min(times), "s") for times in zip(*phases, strict=True))
    work = f"from the start of `serve` to its first scrape of {ALERTS:,} open alerts, quickest of {_ROUNDS}: ours"
    cpu = Quantity(min(each.cpu for each in starts), "s")
    parts = (
        f"CPU until then: {cpu}. Imports take {imports}, opening the ledger {loading}; "
        "the rest is who is watched and due when, the first rendering, and the scrape."
    )
    yield Comparison(f"{work} / {_ALLOWED}", start, _ALLOWED, at_most(1.0), (_spread(starts, loops),))
    yield Comparison(f"{work} / reading its file of {size} once", start, reading, notes=(parts,))


def _spread(starts: Sequence[_Start], loops: Sequence[float]) -> str:
    """Return how far the starts are apart, and by how much the machine itself was slower at times."""
    seconds = sorted(each.seconds for each in starts)
    middle, last, quick, slow = (Quantity(s, "s") for s in (median(seconds), seconds[-1], min(loops), max(loops)))
    return (
        f"The quickest of {_ROUNDS}, for what else runs on a shared machine only adds; the median was {middle}, the "
        f"slowest {last}. One and the same loop of a million additions, run before each, took {quick} to {slow}."
    )


def _start(serve: Sequence[str], config: Path) -> _Start:
    address = free_address()
    command = [*serve, f"--config.file={config}", f"--web.listen-address={address}"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=_ENVIRONMENT)  # noqa: S603 - our own command
    try:
        server = Server(address, process)
        body = _first_scrape(server, started + _WITHIN)
        found = _Start(time.perf_counter() - started, server.cpu())
    finally:
        process.terminate()
        process.wait(_STOP_WITHIN)
    told = told_alerts(gzip.decompress(body).decode())
    if told != ALERTS:
        raise RuntimeError(f"the first scrape tells {told} open alerts of {ALERTS}")
    return found


def _first_scrape(server: Server, deadline: float) -> bytes:
    while server.is_running() and time.perf_counter() < deadline:
        connection = http.client.HTTPConnection(server.address, timeout=_WITHIN)
        try:
            connection.request("GET", "/metrics", headers=OPENMETRICS)
            answer = connection.getresponse()
            body = answer.read()
        except ConnectionRefusedError:
            time.sleep(_TRY_EVERY)
            continue
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{server.url}/metrics answers {answer.status}: {body[:200]!r}")
        return body
    raise RuntimeError(f"`serve` ended, or answers no scrape within {_WITHIN:.0f} s")


def _loop() -> None:
    total = 0
    for number in range(1_000_000):
        total += number


def _first_phases(serve: Sequence[str], config: Path) -> tuple[float, float]:
    """Return the seconds that the imports and the opening of the ledger take."""
    command = [serve[0], "-I", "-c", _FIRST_PHASES, str(config)]
    told = subprocess.check_output(command, text=True, env=_ENVIRONMENT)  # noqa: S603 - our own command
    imports, loading = map(float, told.split())
    return imports, loading
