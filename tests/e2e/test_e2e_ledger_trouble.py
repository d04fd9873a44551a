"""A ledger that is locked, full, removed or replaced under a running exporter: it waits, and loses and adds nothing."""

import math
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import unescape
from pathlib import Path

import pytest
import requests

from exporter.simulated_watch import watch_file_kept
from exporter.simulator import Judgement, Simulator, SimulatorSettings
from tests.e2e.harness import (
    COMMAND,
    ExporterProcess,
    Samples,
    differences,
    flow_samples,
    labels,
    true_samples,
    wait_until,
)
from tests.e2e.ledger_troubles import Trouble, disk_full, locked, moved_away, small_disk_at, write_limited
from tests.e2e.lively import BOUNDS, CONFIG

WELL = 1.5  # seconds of a day before the trouble, and after it
OVERDUE = 3.0  # seconds after which requests are counted; it takes up to 5 s longer until a scrape tells them
MOST_PROBES = 4  # in that time: pauses double, and each ends with one question
OWN = "bkmonitor_flow_exporter_"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of its own, where this machine lets a test make one."""
    with small_disk_at(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("only root may mount, where it may")
        yield disk


class Day:
    """A simulated deployment that lives until the day is ended, and an exporter's config for it."""

    def __init__(self, folder: Path, ledger: Path) -> None:
        epoch = time.time()
        settings = SimulatorSettings(dialect="today", epoch=epoch, history=60, alerts_per_hour=3000, speed=150)
        self._ends_at = math.inf
        self._simulator = Simulator(settings, now=self._now)
        self._watch_file = folder / "watch.json"
        self._ledger = ledger
        self.config = folder / "config.yaml"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve, and keep the watch file, within the block."""
        with self._simulator, watch_file_kept(self._watch_file, self._simulator.world, self._now):
            self.config.write_text(CONFIG.format(url=self._simulator.url, ledger=f"sqlite:///{self._ledger}"))
            yield

    def asked(self) -> int:
        """Return how many requests there were."""
        told = requests.get(f"{self._simulator.url}/-/requests", timeout=10).json()
        return sum(told["endpoints"].values())

    def end(self) -> Samples:
        """Let nothing new happen from now on; return what is true then."""
        self._ends_at = time.time()
        judgement = Judgement(within=lambda _alert: None, at=math.inf)
        return true_samples(self._simulator.world.truth(self._ends_at, judgement), "sim", BOUNDS)

    def _now(self) -> float:
        return min(time.time(), self._ends_at)


@contextmanager
def day(folder: Path, ledger: Path) -> Iterator[Day]:
    """Give a day that begins now."""
    made = Day(folder, ledger)
    with made.running():
        yield made


def pass_time(seconds: float) -> None:
    """Let a part of the day pass."""
    threading.Event().wait(seconds)


def own(exporter: ExporterProcess, name: str) -> float:
    """Return a metric of the source."""
    return exporter.samples()[f"{OWN}{name}", labels({"source": "sim"})]


def lines(exporter: ExporterProcess, event: str) -> list[str]:
    """Return the lines of the log that begin with an event."""
    return [line for line in exporter.log if f'msg="{event}' in line]


def expect_trouble(exporter: ExporterProcess, today: Day, cause: str) -> None:
    """See that it says why, asks next to nothing, and serves what it had."""
    wait_until(lambda: bool(lines(exporter, "ledger is in trouble")), within=10)
    (line,) = lines(exporter, "ledger is in trouble")
    assert cause in line
    wait_until(lambda: cause in unescape(exporter.get("/").text), within=5)
    told, success, asked = (
        flow_samples(exporter.samples()),
        own(exporter, "last_success_timestamp_seconds"),
        today.asked(),
    )
    wait_until(lambda: own(exporter, "overdue_seconds") >= OVERDUE, within=15)

    assert own(exporter, "overdue_seconds") >= OVERDUE
    assert today.asked() - asked <= MOST_PROBES
    assert flow_samples(exporter.samples()) == told
    assert own(exporter, "last_success_timestamp_seconds") == success
    assert own(exporter, "source_up") == 1
    assert exporter.get("/-/healthy").status_code == 200
    (source,) = exporter.get("/api/v1/sources").json()["sources"]
    assert cause in source["trouble"]
    assert cause in unescape(exporter.get("/").text)


def expect_right(exporter: ExporterProcess, truth: Samples) -> None:
    """Wait until all totals equal the truth."""
    wait_until(lambda: not differences(flow_samples(exporter.samples()), truth), within=40)
    assert differences(flow_samples(exporter.samples()), truth) == {}


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (locked, "database is locked; another program holds it"),
        (write_limited, "check the disk's space"),
        (moved_away, "was removed or replaced while in use"),
    ],
)
def test_totals_equal_the_truth_after_trouble_with_the_ledger(trouble: Trouble, cause: str, tmp_path: Path) -> None:
    """Polling pauses, what was committed is served, and work resumes by itself; nothing is lost or counted twice."""
    live_through(trouble, cause, tmp_path, tmp_path / "flow.db")


def test_totals_equal_the_truth_after_the_disk_was_full(tmp_path: Path, small_disk: Path) -> None:
    """As soon as there is room again, work resumes by itself."""
    live_through(disk_full, "check the disk's space", tmp_path, small_disk / "flow.db")


def live_through(trouble: Trouble, cause: str, folder: Path, ledger: Path) -> None:
    """Have trouble in the middle of a day; compare at its end, and after a restart."""
    with day(folder, ledger) as today:
        with ExporterProcess(today.config) as exporter:
            wait_until(lambda: bool(flow_samples(exporter.samples())), within=10)
            before = today.asked()
            wait_until(lambda: today.asked() - before > 2 * MOST_PROBES, within=30)
            assert today.asked() - before > 2 * MOST_PROBES
            pass_time(WELL)
            with trouble(exporter, ledger):
                expect_trouble(exporter, today, cause)
            pass_time(WELL)
            truth = today.end()
            expect_right(exporter, truth)
            assert len(lines(exporter, "ledger is in trouble")) == len(lines(exporter, "ledger is back")) == 1
            (source,) = exporter.get("/api/v1/sources").json()["sources"]
            assert source["trouble"] == ""
            assert exporter.stop() == 0
        with ExporterProcess(today.config) as again:
            expect_right(again, truth)
            expect_sound(today)


def expect_sound(today: Day) -> None:
    """See that a check beside the exporter finds nothing."""
    checking = [COMMAND, "ledger", "check", f"--config.file={today.config}"]
    done = subprocess.run(checking, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ": sound; " in done.stdout


def test_a_ledger_that_was_replaced_is_taken_over_by_a_restart(tmp_path: Path) -> None:
    """As long as the process runs it counts into neither file; the next one goes on from what is there."""
    ledger = tmp_path / "flow.db"
    with day(tmp_path, ledger) as today:
        with ExporterProcess(today.config) as exporter:
            wait_until(lambda: bool(flow_samples(exporter.samples())), within=10)
            with closing(sqlite3.connect(ledger)) as reader:
                reader.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
            (tmp_path / "copy.db").replace(ledger)
            expect_trouble(exporter, today, "was removed or replaced while in use")
            assert lines(exporter, "ledger is back") == []
            assert exporter.stop() == 0
        for suffix in ("-wal", "-shm"):
            Path(f"{ledger}{suffix}").unlink(missing_ok=True)  # as docs/operations.md says of a restore
        truth = today.end()
        with ExporterProcess(today.config) as again:
            expect_right(again, truth)


def test_a_ledger_that_cannot_be_written_is_told_at_the_start(tmp_path: Path, small_disk: Path) -> None:
    """On a file system that is read-only the exporter ends with one line; later it goes on with what is there."""
    ledger = small_disk / "flow.db"
    with day(tmp_path, ledger) as today:
        with ExporterProcess(today.config) as exporter:
            wait_until(lambda: bool(flow_samples(exporter.samples())), within=10)
            assert exporter.stop() == 0
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        done = subprocess.run(
            [COMMAND, "serve", f"--config.file={today.config}", "--web.listen-address=127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"{ledger}: ")
        assert "writable" in done.stderr.splitlines()[-1]
        with ExporterProcess(today.config) as again:
            expect_right(again, today.end())
