"""What is measured of a running exporter: memory, descriptors, threads, the ledger's size, what it serves."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import ExporterProcess

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement, `seconds` after the start; sizes in bytes. `remembered` are the alerts in the ledger."""

    seconds: float
    resident: int
    descriptors: int
    threads: int
    file: int
    log: int
    remembered: int
    series: int
    open_alerts: int


def take(exporter: ExporterProcess, ledger: Path, *, seconds: float) -> Sample:
    """Measure an exporter and its ledger."""
    process, samples = Path(f"/proc/{exporter.pid}"), exporter.samples()
    return Sample(
        seconds=seconds,
        resident=int((process / "statm").read_text().split()[1]) * _PAGE,
        descriptors=len(list((process / "fd").iterdir())),
        threads=len(list((process / "task").iterdir())),
        file=ledger.stat().st_size,
        log=ledger.with_name(f"{ledger.name}-wal").stat().st_size,
        remembered=_remembered(ledger),
        series=len(samples),
        open_alerts=int(sum(n for (name, _), n in samples.items() if name == "bkmonitor_flow_open_alerts")),
    )


def _remembered(ledger: Path) -> int:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM alerts").fetchone()
    return int(count)
