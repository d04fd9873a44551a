"""The stage of a chaos: two deployments, an exporter that watches them, one clock, and what must always hold."""

import math
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import yaml

from exporter.simulated_watch import watch_file_kept
from exporter.simulator import Life
from tests.chaos.controls import Controls
from tests.chaos.phases import PHASES
from tests.chaos.scraper import Scraper
from tests.chaos.upstream import SECRET, Upstream, target_samples, target_settings
from tests.e2e.harness import ExporterProcess, Samples, differences, flow_samples, wait_until
from tests.e2e.ledger_troubles import small_disk_at
from tests.e2e.lively import HISTOGRAMS

_TOP = Path(__file__).parents[2]
_LEAPS = (0.0, 90.0, 600.0, 3600.0)  # the longest pause of what was given up is an hour
LEAPT = sum(_LEAPS)
"""Seconds by which the clock may be put forward until all totals are right."""

_RIGHT_WITHIN = 5.0  # seconds after a leap until the next one
_AT_LAST_WITHIN = 25.0
_AT_REST_AFTER = 4.0  # seconds without news
_MOST_LINES = 1000  # of the log in a day
_MOST_MEMORY = 1024  # MiB
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
        self._ended: list[str] = []
        self._lines_before = 0
        self._lost: dict[str, frozenset[str]] = {}
        self._written_off: Samples = {}
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
            yield

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
            raise Breach(f"the exporter was to end, and did not:\n{_last(self.log())}")
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
        """Note that the ledger is new: only what an exporter finds that knows nothing counts, and what comes."""
        now = self.now()
        for upstream in self.upstreams:
            self._lost[upstream.name] = upstream.ids(now) - upstream.found(now - 3600, now)
        self._written_off = {}
        self.scraper.forget()

    # What must hold

    def log(self) -> list[str]:
        """Return all lines so far."""
        return [*self._ended, *(self.exporter.log if self.exporter.is_alive else ())]

    def news(self) -> list[str]:
        """Return the lines since the day began."""
        return self.log()[self._lines_before :]

    def begin_day(self) -> None:
        """From now on lines of the log are news."""
        self._lines_before = len(self.log())

    def wrong(self) -> dict[str, tuple[float, float]]:
        """Return what the flow metrics tell otherwise than it is: told and true value by sample."""
        return differences(flow_samples(self.exporter.samples()), self._truth())

    def _truth(self) -> Samples:
        now = self.now()
        truth = target_samples()
        for upstream in self.upstreams:
            truth |= upstream.truth(now, self._lost.get(upstream.name, frozenset()))
        return {key: truth.get(key, 0.0) + self._written_off.get(key, 0.0) for key in truth | self._written_off}

    def expect_right(self, may_differ: Collection[str] = (), *, may_lack: bool = False) -> float:
        """Wait until all totals equal the truth; return for how many seconds that passed at once, beside a few others.

        What the metrics that `may_differ` tell otherwise is taken as right from then on, and so are totals that are too
        small where they `may_lack`.
        """

        def wrong() -> dict[str, tuple[float, float]]:
            return {
                what: (told, true)
                for what, (told, true) in self.wrong().items()
                if not (what.startswith(tuple(may_differ)) or (may_lack and told < true))
            }

        if may_lack:
            self._await_rest()
        leapt = self._await_hours(lambda: not wrong())
        if found := wrong():
            raise Breach("totals differ from the truth (told, true):\n" + _listed(found))
        if may_differ or may_lack:
            self._write_off()
        return leapt

    def _await_rest(self) -> None:
        """Wait until nothing more is counted."""
        before: Samples = {}
        while (told := flow_samples(self.exporter.samples())) != before:
            before = told
            self.pass_until(self.now() + _AT_REST_AFTER)

    def _await_hours(self, holds: Callable[[], bool]) -> float:
        leapt = 0.0
        for leap in _LEAPS:
            self.leap_to(self.now() + leap)
            leapt += leap
            self.expect_alive()
            wait_until(holds, within=_AT_LAST_WITHIN if leap == _LEAPS[-1] else _RIGHT_WITHIN)
            if holds():
                break
        return leapt

    def _write_off(self) -> None:
        told, truth = flow_samples(self.exporter.samples()), self._truth()
        for key in told.keys() | truth.keys():
            off = told.get(key, 0.0) - truth.get(key, 0.0)
            self._written_off[key] = self._written_off.get(key, 0.0) + off

    def expect_alive(self) -> None:
        """See that the exporter runs."""
        if not self.exporter.is_alive:
            raise Breach(f"the exporter ended with {self.expect_end(0)}:\n{_last(self.log())}")

    def expect_well(self) -> None:
        """See what holds at the end of any day."""
        self.expect_alive()
        if not self.scraper.is_running:
            raise Breach("what was scraped cannot be read")
        if self.scraper.fell:
            raise Breach("counters fell:\n" + "\n".join(self.scraper.fell[:20]))
        lines = self.news()
        news = "".join(lines)
        if SECRET in news or SECRET in self.exporter.get("/metrics").text + self.exporter.get("/").text:
            raise Breach("a secret shows")
        if "Traceback" in news:
            raise Breach(f"a traceback in the log:\n{_last([line for line in lines if 'Traceback' in line])}")
        if len(lines) > _MOST_LINES:
            raise Breach(f"{len(lines)} lines in the log of a day:\n{_last(lines)}")
        if (memory := self.memory()) > _MOST_MEMORY:
            raise Breach(f"{memory} MiB of memory at most")

    def memory(self) -> int:
        """Return what the running process took at most, in MiB."""
        status = Path(f"/proc/{self.exporter.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024

    def expect_told(self, words: str) -> None:
        """See that the log of the day has these words."""
        if not any(words in line for line in self.news()):
            raise Breach(f"the log does not tell: {words}\n{_last(self.news())}")

    def struck(self, chance: Random) -> tuple[Upstream, ...]:
        """Draw which deployments a fault strikes: one of them, or both."""
        return chance.choice(((self.searched,), (self.listed,), self.upstreams))


def _listed(found: Mapping[str, Any]) -> str:
    return "\n".join(f"  {what}: {told}" for what, told in sorted(found.items())[:20])


def _last(lines: Sequence[str]) -> str:
    return "\n".join(line.rstrip()[:_LONGEST_LINE] for line in lines[-_LAST_LINES:])
