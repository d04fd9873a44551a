"""The stage of a chaos: two deployments, an exporter that watches them, one clock, and what must always hold."""

import math
import shutil
import sqlite3
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random

import yaml

from exporter.simulated_watch import watch_file_kept
from exporter.simulator import Life
from tests.chaos.controls import Controls
from tests.chaos.phases import PHASES
from tests.chaos.scraper import Scraper
from tests.chaos.truth import Truth
from tests.chaos.upstream import Upstream, target_settings
from tests.e2e.harness import ExporterProcess, Samples, flow_samples, wait_until
from tests.e2e.ledger_troubles import small_disk_at
from tests.e2e.lively import HISTOGRAMS

_TOP = Path(__file__).parents[2]
_LAST_LINES = 40  # of a log, that a breach tells
_LONGEST_LINE = 500


class Breach(AssertionError):
    """Something that was promised does not hold."""


class Stage:
    """All that takes part. `now` is the time of the deployments, and of the exporter unless its clock is wrong."""

    def __init__(
        self, folder: Path, begins_at: float, lives: Mapping[str, Collection[Life]], zones: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self._controls = Controls(folder / "controls")
        self._ahead = begins_at - time.time()
        self._skew = 0.0
        self._set_clock()
        self.searched, self.listed = (
            Upstream(name, lives[name], self.now, is_searched=name == "searched", timezone=zones[name])
            for name in ("searched", "listed")
        )
        self.upstreams = (self.searched, self.listed)
        self.exporter: ExporterProcess
        self._address: str | None = None
        self.truth = Truth(self.upstreams)
        self._ended: list[str] = []
        self._lines_before = 0
        self.scraper = Scraper(lambda: self._address)
        self.has_small_disk = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have all run within the block."""
        with ExitStack() as running:
            disk = running.enter_context(small_disk_at(self.folder / "disk"))
            self.has_small_disk = disk is not None
            for upstream in self.upstreams:
                running.enter_context(upstream.running())
            running.enter_context(
                watch_file_kept(self.folder / "watch.json", self.listed.world, self.now, watched_for=math.inf)
            )
            self.write_config()
            self.start()
            running.callback(lambda: self.exporter.kill() if self.exporter.is_alive else None)
            self.scraper.start()
            running.callback(self.scraper.stop)
            try:
                yield
            except Breach:
                self._keep()
                raise

    def _keep(self) -> None:
        """Put log and ledger where they stay."""
        (self.folder / "log").write_text("".join(self.log()))
        for file in self.ledger.parent.glob(f"{self.ledger.name}*"):
            shutil.copy(file, self.folder)

    # Time

    def now(self) -> float:
        """Return the unix time of the deployments."""
        return time.time() + self._ahead

    def leap_to(self, at: float) -> None:
        """Have hours pass at once, for everybody; time never goes back."""
        self._ahead += max(0.0, at - self.now())
        self._set_clock()

    @contextmanager
    def wrong_clock(self, ahead: float) -> Iterator[None]:
        """Have the exporter's clock wrong within the block."""
        self._skew = ahead
        self._set_clock()
        yield
        self._skew = 0.0
        self._set_clock()

    def pass_until(self, at: float) -> None:
        """Let time pass at its own pace."""
        wait_until(lambda: self.now() >= at, within=at - self.now())

    def _set_clock(self) -> None:
        self._controls.ahead = self._ahead + self._skew

    # The exporter

    @property
    def ledger(self) -> Path:
        """The file."""
        return self.folder / "disk" / "flow.db"

    def write_config(self, **poll: object) -> None:
        """Write the config; `poll` may have it differ."""
        document = {
            "sources": [upstream.source() for upstream in self.upstreams],
            "poll": {"interval": 0.3, "acked_interval": 0.3, "refresh": 1, "settle": 1, **poll},
            "labels": ["severity", "bk_biz_id"],
            "ack_targets": target_settings(),
            "ledger": {"url": f"sqlite:///{self.ledger}"},
            "web": {"birth_hold": 0},
            **yaml.safe_load(HISTOGRAMS),
        }
        self.config.write_text(yaml.safe_dump(document))

    def start(self, *, wait: bool = True) -> None:
        """Start the exporter; with `wait=False` it may end before it listens."""
        launcher = ("env", f"--chdir={_TOP}", sys.executable, "-m", "tests.chaos.child", str(self.folder / "controls"))
        self._address = None
        self.exporter = ExporterProcess(self.config, wait=wait, launcher=launcher)
        if wait:
            self._address = self.exporter.url

    def kill(self) -> None:
        """End the exporter as a crash would."""
        self.exporter.kill()
        self._ended += self.exporter.log

    def stop(self) -> None:
        """Ask the exporter to end; it does so in order."""
        if (code := self.exporter.stop()) != 0:
            raise Breach(f"asked to stop, it ended with {code}")
        self._ended += self.exporter.log

    def expect_end(self, within: float) -> int:
        """Wait until the exporter has ended by itself; return its exit code."""
        wait_until(lambda: not self.exporter.is_alive, within)
        if self.exporter.is_alive:
            raise Breach(f"the exporter was to end, and did not:\n{last(self.log())}")
        code = self.exporter.wait()
        self._ended += self.exporter.log
        return code

    @contextmanager
    def doomed(self, phase: str) -> Iterator[None]:
        """Have the exporter die in a phase within the block."""
        self._controls.doom = list(PHASES).index(phase) + 1
        try:
            yield
        finally:
            self._controls.doom = 0

    @contextmanager
    def no_names(self) -> Iterator[None]:
        """Have the exporter resolve no name within the block."""
        self._controls.names_fail = True
        self.cut()
        yield
        self._controls.names_fail = False

    def cut(self) -> None:
        """Break off the exporter's connections to the deployments."""
        for upstream in self.upstreams:
            upstream.wire.cut()

    # The ledger

    def back_up(self, to: Path) -> None:
        """Copy the ledger as docs/operations.md tells to."""
        to.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.ledger)) as reader:
            reader.execute("VACUUM INTO ?", (str(to),))

    def restore(self, backup: Path) -> None:
        """Put a copy into the ledger's place; the counters may fall."""
        self.remove_ledger()
        shutil.copy(backup, self.ledger)
        self.scraper.forget()

    def remove_ledger(self) -> None:
        """Remove the ledger with its log."""
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.ledger}{suffix}").unlink(missing_ok=True)

    def lose_counts(self) -> None:
        """Note that the ledger is new; the counters may fall."""
        self.truth.lose(self.now())
        self.scraper.forget()

    # What it says

    def log(self) -> list[str]:
        """Return all lines so far."""
        return [*self._ended, *(self.exporter.log if self.exporter.is_alive else ())]

    def news(self) -> list[str]:
        """Return the lines since the day began."""
        return self.log()[self._lines_before :]

    def begin_day(self) -> None:
        """From now on lines of the log are news."""
        self._lines_before = len(self.log())

    def told(self) -> Samples:
        """Return what the flow metrics tell."""
        return flow_samples(self.exporter.samples())

    def memory(self) -> int:
        """Return what the running process took at most, in MiB."""
        status = Path(f"/proc/{self.exporter.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024

    def struck(self, chance: Random) -> tuple[Upstream, ...]:
        """Draw which deployments a fault strikes: one of them, or both."""
        return chance.choice(((self.searched,), (self.listed,), self.upstreams))


def last(lines: Sequence[str]) -> str:
    """Return the end of a log, short enough to be read."""
    return "\n".join(line.rstrip()[:_LONGEST_LINE] for line in lines[-_LAST_LINES:])
