"""What can befall a ledger while an exporter uses it, and ends again."""

import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from tests.e2e.harness import ExporterProcess

Trouble = Callable[[ExporterProcess, Path], AbstractContextManager[None]]


@contextmanager
def locked(_exporter: ExporterProcess, ledger: Path) -> Iterator[None]:
    """Have another program hold the file for longer than anyone waits for it."""
    with closing(sqlite3.connect(ledger, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def write_limited(exporter: ExporterProcess, _ledger: Path) -> Iterator[None]:
    """Have the system refuse what the exporter writes."""
    before = resource.prlimit(exporter.pid, resource.RLIMIT_FSIZE, (512, resource.RLIM_INFINITY))
    yield
    resource.prlimit(exporter.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def moved_away(_exporter: ExporterProcess, ledger: Path) -> Iterator[None]:
    """Have the file gone for a while."""
    ledger.rename(ledger.with_name("elsewhere.db"))
    yield
    ledger.with_name("elsewhere.db").rename(ledger)


@contextmanager
def disk_full(_exporter: ExporterProcess, ledger: Path) -> Iterator[None]:
    """Fill the file system that the ledger is on."""
    filler = ledger.with_name("filler")
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(512)):
                pass
        except OSError:
            pass
    yield
    filler.unlink()


@contextmanager
def small_disk_at(folder: Path) -> Iterator[Path | None]:
    """Give a file system of its own at a new folder, of 32 MiB; None where this machine does not let one be made."""
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=32m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
