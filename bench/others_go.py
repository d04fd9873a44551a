"""Go exporters of Debian, with the very exposition that our exporter serves: how fast each hands it out.

node_exporter reads it from a file at each scrape, as its textfile collector does; pushgateway has it in memory.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from bench.our_server import our_exporter, simulated_source
from bench.scraping import cpu_of_a_minute, scrape_in_turn
from bench.servers import Server, free_address, metrics_of, running, serves_flow
from bench.timing import Comparison, Quantity

_NEED = str(Path(__file__).parents[1] / "tools" / "need-debian")
_NODE, _PUSH = "prometheus-node-exporter", "prometheus-pushgateway"
_NEVER = "1h"


def run() -> Iterator[Comparison]:
    """Yield the comparisons; installs the Debian packages where they are missing and it may."""
    for package in (_NODE, _PUSH):
        subprocess.run([_NEED, f"command -v {package}", package], check=True)  # noqa: S603 - our own tool
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        folder = Path(name)
        source = servers.enter_context(simulated_source(folder))
        ours = servers.enter_context(our_exporter(folder, source, interval=_NEVER, refresh=_NEVER))
        exposition = metrics_of(ours)
        node = servers.enter_context(_node_exporter(folder, exposition))
        push = servers.enter_context(_pushgateway(folder, exposition))
        yield from _compared({"ours": ours, "node_exporter": node, "pushgateway": push})


def _compared(servers: Mapping[str, Server]) -> Iterator[Comparison]:
    plain, gzipped = scrape_in_turn(servers, "identity"), scrape_in_turn(servers, "gzip")
    resident = {name: server.resident() for name, server in servers.items()}
    minute = cpu_of_a_minute(servers)
    for other in ("node_exporter", "pushgateway"):
        for encoding, scraped in (("plain", plain), ("gzip", gzipped)):
            ours, theirs = scraped["ours"], scraped[other]
            series = f"{ours.series:,} series of ours, {theirs.series:,} of {other}."
            yield _comparison(f"series scraped a second, {encoding}", other, ours.pace, theirs.pace, series)
            yield _comparison(f"server's CPU for a scrape, {encoding}", other, ours.cpu, theirs.cpu)
        yield _comparison("resident memory", other, resident["ours"], resident[other])
        yield _comparison("CPU of a minute with 4 scrapes, nothing changes", other, minute["ours"], minute[other])


def _comparison(what: str, other: str, ours: Quantity, theirs: Quantity, *notes: str) -> Comparison:
    return Comparison(f"{what}: ours / {other}", ours, theirs, notes=notes)


@contextmanager
def _node_exporter(folder: Path, exposition: str) -> Iterator[Server]:
    texts, address = folder / "texts", free_address()
    texts.mkdir()
    (texts / "flow.prom").write_text(exposition)
    command = [
        _NODE,
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={texts}",
        "--web.disable-exporter-metrics",  # process_* are ours, in the file
        f"--web.listen-address={address}",
    ]
    with running(command, address, folder, serves_flow) as server:
        yield server


@contextmanager
def _pushgateway(folder: Path, exposition: str) -> Iterator[Server]:
    address = free_address()
    command = [_PUSH, f"--web.listen-address={address}", "--persistence.file="]
    with running(
        command, address, folder, lambda server: requests.get(f"{server.url}/-/ready", timeout=5).ok
    ) as server:
        flow = [line for line in exposition.splitlines(keepends=True) if "bkmonitor_flow_" in line]  # it has process_*
        requests.put(f"{server.url}/metrics/job/flow", data="".join(flow), timeout=60).raise_for_status()
        yield server
