"""query-exporter, from PyPI, with the series that our exporter serves at the moment: each scrape, and each poll.

Both are Python and use the same client library. It reads its values from an SQLite file, ours asks the simulated
BlueKing over HTTP and keeps a ledger: so the cycle is the work of each, not the same work.
"""

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.our_server import asked, our_exporter, simulated_source
from bench.scraping import Scraped, scrape_in_turn
from bench.servers import Server, free_address, metrics_of, running
from bench.timing import Comparison, Quantity

_VERSION = "5.0.2"
_OWN = "bkmonitor_flow_exporter_"  # it has as many of its own, for each query
_NEVER = 3600
_INTERVAL = 30  # the default of poll.interval
_CYCLES = 5

Samples = list[tuple[Mapping[str, str], float]]
"""The labels and the value of each."""
Tables = Mapping[str, Samples]
"""The samples of an exposition by their name."""


@dataclass(frozen=True, slots=True)
class _Cycle:
    """CPU seconds of both exporters, and how often ours asked, by endpoint."""

    ours: float
    theirs: float
    asked: Counter[str]


def run() -> Iterator[Comparison]:
    """Yield the comparisons; installs query-exporter into an environment that is gone afterwards."""
    with tempfile.TemporaryDirectory() as name, simulated_source(Path(name)) as source:
        folder = Path(name)
        command = _install(folder / "environment")
        yield from _scrapes(folder, source, command)
        yield _cycle(folder, source, command)


def _scrapes(folder: Path, source: Server, command: Path) -> Iterator[Comparison]:
    with our_exporter(folder, source, interval=f"{_NEVER}s", refresh=f"{_NEVER}s") as ours:
        tables = _tables(metrics_of(ours))
        _write_database(folder / "values.db", tables)
        with _query_exporter(folder, command, tables, _NEVER) as theirs:
            servers = {"ours": ours, "theirs": theirs}
            plain, gzipped = scrape_in_turn(servers, "identity"), scrape_in_turn(servers, "gzip")
            resident = {name: server.resident() for name, server in servers.items()}
    yield from _compared(plain, gzipped)
    yield _comparison("resident memory", resident["ours"], resident["theirs"])


def _compared(plain: Mapping[str, Scraped], gzipped: Mapping[str, Scraped]) -> Iterator[Comparison]:
    ours, theirs = gzipped["ours"], gzipped["theirs"]
    series = f"{ours.series:,} series of ours, {theirs.series:,} of query-exporter {_VERSION}."
    yield _comparison("scrape, plain", plain["ours"].latency, plain["theirs"].latency, series)
    yield _comparison("scrape, gzip accepted", ours.latency, theirs.latency, "It does not compress.")
    yield _comparison("server's CPU for a scrape, gzip accepted", ours.cpu, theirs.cpu)
    yield _comparison("bytes of a scrape, gzip accepted", ours.size, theirs.size)


def _cycle(folder: Path, source: Server, command: Path) -> Comparison:
    """Compare the CPU of a cycle at the default interval, as alerts come and end, 100 a minute; nobody scrapes.

    Ours makes the search, and reads the logs of which it tells something new. Refreshes are not in it: the first ones
    are due ten minutes after all alerts were read, which is longer than a benchmark may last.
    """
    with our_exporter(folder, source, interval=f"{_INTERVAL}s", refresh="10m") as ours:
        tables = _tables(metrics_of(ours))
        _write_database(folder / "values.db", tables)
        with _query_exporter(folder, command, tables, _INTERVAL) as theirs:
            # Ours reads what changed before it was started again; half an interval more, and as a rule no cycle is cut.
            time.sleep(1.5 * _INTERVAL)
            cycles = [_one_cycle(ours, theirs, source) for _ in range(_CYCLES)]
    mine, others = (Quantity(median(cpu), "s") for cpu in zip(*((c.ours, c.theirs) for c in cycles), strict=True))
    what = f"CPU of a cycle of {_INTERVAL} s, nobody scrapes"
    return _comparison(what, mine, others, _content(cycles))


def _one_cycle(ours: Server, theirs: Server, source: Server) -> _Cycle:
    before, cpu = asked(source), (ours.cpu(), theirs.cpu())
    time.sleep(_INTERVAL)
    return _Cycle(ours.cpu() - cpu[0], theirs.cpu() - cpu[1], asked(source) - before)


def _content(cycles: Sequence[_Cycle]) -> str:
    """Return what was in each cycle, so that one that costs more than others tells why."""
    each = "; ".join(f"{Quantity(c.ours, 's')} ({c.asked['get_event_log']}, {c.asked['search_alert']})" for c in cycles)
    return (
        f"Median of {len(cycles)} cycles, without refreshes of logs. Ours, one by one, each with how many logs and how "
        f"many pages of the search it read: {each}."
    )


def _comparison(what: str, ours: Quantity, theirs: Quantity, *notes: str) -> Comparison:
    return Comparison(f"{what}: ours / query-exporter", ours, theirs, notes=notes)


def _install(environment: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)  # noqa: S603 - our own interpreter
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"query-exporter=={_VERSION}"], check=True)  # noqa: S603 - a pinned version
    return environment / "bin" / "query-exporter"


def _tables(exposition: str) -> Tables:
    tables: dict[str, Samples] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name.startswith("bkmonitor_flow_") and not sample.name.startswith(_OWN):
                tables.setdefault(sample.name, []).append((sample.labels, sample.value))
    return tables


def _label_names(samples: Samples) -> list[str]:
    """Return all that occur: a series without a value for a label is served without the label."""
    return sorted(set().union(*(labels for labels, _ in samples)))


def _write_database(path: Path, tables: Tables) -> None:
    """Write a table for each metric: a column for each label, and one of the metric's own name for the value."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        for name, samples in tables.items():
            labels = _label_names(samples)
            database.execute(f"CREATE TABLE {name} ({', '.join([*labels, name])})")
            places = ", ".join("?" * (len(labels) + 1))
            rows = ((*(given.get(label, "") for label in labels), value) for given, value in samples)
            database.executemany(f"INSERT INTO {name} VALUES ({places})", rows)  # noqa: S608 - names of metrics


@contextmanager
def _query_exporter(folder: Path, command: Path, tables: Tables, interval: int) -> Iterator[Server]:
    address = free_address()
    host, _, port = address.partition(":")
    config = folder / "query-exporter.yaml"
    config.write_text(yaml.safe_dump(_config(folder / "values.db", tables, interval)))
    arguments = [str(command), f"--host={host}", f"--port={port}", f"--config={config}", "--log-level=warning"]
    series = sum(len(samples) for samples in tables.values())
    with running(
        arguments, address, folder, lambda server: metrics_of(server).count("\nbkmonitor") >= series
    ) as server:
        yield server


def _config(database: Path, tables: Tables, interval: int) -> Mapping[str, object]:
    """Return a config with one query for each table; each metric is a gauge, whatever ours is."""
    return {
        "databases": {"values": {"dsn": f"sqlite:///{database}"}},
        "metrics": {
            name: {"type": "gauge", "description": name, "labels": _label_names(samples)}
            for name, samples in tables.items()
        },
        "queries": {
            f"query_{name}": {
                "databases": ["values"],
                "metrics": [name],
                "interval": interval,
                "sql": f"SELECT * FROM {name}",  # noqa: S608 - names of metrics
            }
            for name in tables
        },
    }
