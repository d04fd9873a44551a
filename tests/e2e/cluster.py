"""Exporters that share one ledger: their processes, and what scrapes of them see all the time."""

import re
import signal
import sys
import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import requests

from tests.e2e.harness import ExporterProcess, Samples, flow_samples

SHARDS = 8
_SCRAPE_EVERY = 0.5
_SCRAPE_WITHIN = 10.0  # Prometheus's own default
_SETTLES_WITHIN = 120.0
_OWNED = "bkmonitor_flow_exporter_shards_owned "
_COUNTED = re.compile(r"bkmonitor_flow_(?!exporter_)\w+_(?:total|bucket|sum|count)\{")
_SHARD = re.compile(r'\bshard="(\d+)"')
_PASSED_ON = 2.0  # seconds that a shard needs at the very least to another member and back: each looks every second


class Scrape(NamedTuple):
    """What a process told when it was asked, on the monotonic clock; nothing of a shard where it said 503.

    `owned` is how many shards it has, `shards` of which it tells, `counted` the values of its counters by series.
    """

    process: str
    asked_at: float
    answered_at: float
    owned: int
    shards: frozenset[int]
    counted: dict[str, float]


class Member:
    """One exporter with a config of its own, and those that come after it; each is scraped as long as it runs."""

    def __init__(self, config: Path, scrapes: list[Scrape]) -> None:
        self._config = config
        self._scrapes = scrapes
        self.processes: list[ExporterProcess] = []
        self.start()

    @property
    def process(self) -> ExporterProcess:
        """The one that runs, or ran last."""
        return self.processes[-1]

    @property
    def name(self) -> str:
        """What its scrapes are called by."""
        return f"{self._config.stem}-{len(self.processes)}"

    def start(self) -> None:
        """Start one, and scrape it."""
        self.processes.append(ExporterProcess(self._config, within=_SETTLES_WITHIN))
        self._is_over = threading.Event()
        self._scraper = threading.Thread(target=self._scrape, args=(self.name, self.process.url), daemon=True)
        self._scraper.start()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.signal(signal.SIGKILL)
        self._end()

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.signal(signal.SIGTERM)
        return self._end()

    def said(self, event: str) -> int:
        """Return how often the log tells of an event."""
        return sum(event in line for process in self.processes for line in process.log)

    def latest(self, since: float) -> Scrape | None:
        """Return the last scrape of the one that runs, unless it was asked before `since`."""
        mine = (scrape for scrape in reversed(self._scrapes) if scrape.process == self.name)
        return next((scrape for scrape in mine if scrape.asked_at >= since), None)

    def __str__(self) -> str:
        """Return how it stands, for who reads why a test failed."""
        last = self.latest(float("-inf"))
        stands = f"has {last.owned} shards, tells of {sorted(last.shards)}" if last else "was never scraped"
        return f"{self.name} {stands}; its log ends with\n{''.join(self.process.log[-12:])}"

    def _end(self) -> int:
        code = self.process.wait(within=60)
        self._is_over.set()
        self._scraper.join()
        return code

    def _scrape(self, name: str, url: str) -> None:
        with requests.Session() as session:
            while not self._is_over.wait(_SCRAPE_EVERY):
                asked_at = time.monotonic()
                try:
                    answer = session.get(f"{url}/metrics", timeout=_SCRAPE_WITHIN)
                except requests.RequestException:
                    continue
                self._scrapes.append(_read(name, asked_at, answer.text if answer.ok else ""))


class Cluster:
    """The members; `scrapes` is all that was seen of them."""

    def __init__(self, configs: Iterable[Path], closing: ExitStack) -> None:
        self.scrapes: list[Scrape] = []
        self.members = [self._make(config, closing) for config in configs]

    def others(self, member: Member) -> list[Member]:
        """Return all members but one."""
        return [other for other in self.members if other is not member]

    def settle(self, event: str, members: Collection[Member] = ()) -> None:
        """Wait until these, else all, have fair parts of all shards between them, and tell of all; print the times."""
        started, sharing = time.monotonic(), members or self.members
        shared = self._wait(event, lambda: _share_all(sharing, started)) - started
        told = self._wait(event, lambda: _tell_all(sharing, started)) - started
        print(f"{event}: shared after {shared:.1f} s, told after {told:.1f} s", flush=True)  # noqa: T201

    def samples(self) -> Samples:
        """Scrape all, and return the flow metrics as one exporter without shards would tell them."""
        by_key: dict[tuple[str, frozenset[tuple[str, str]]], list[float]] = defaultdict(list)
        for member in self.members:
            for (name, pairs), value in flow_samples(member.process.samples()).items():
                by_key[name, frozenset(pair for pair in pairs if pair[0] != "shard")].append(value)
        return {key: _together(key[0], told) for key, told in by_key.items()}

    def _wait(self, event: str, holds: Callable[[], bool]) -> float:
        """Wait until something holds, be it for a moment; return when that was, on the monotonic clock."""
        deadline = time.monotonic() + _SETTLES_WITHIN
        while not holds():
            assert time.monotonic() < deadline, "\n".join([event, *map(str, self.members)])
            threading.Event().wait(0.1)
        return time.monotonic()

    def _make(self, config: Path, closing: ExitStack) -> Member:
        member = Member(config, self.scrapes)
        closing.callback(member.kill)
        return member


def falls(scrapes: Iterable[Scrape]) -> Iterator[str]:
    """Yield each value of a counter that is less than one that any member had told before it was asked for."""
    by_series: dict[str, list[tuple[float, float, float, str]]] = defaultdict(list)
    for scrape in sorted(scrapes, key=lambda scrape: scrape.answered_at):
        for series, value in scrape.counted.items():
            by_series[series].append((scrape.asked_at, scrape.answered_at, value, scrape.process))
    for series, told in by_series.items():
        answered = [answered_at for _, answered_at, _, _ in told]
        highest = list(accumulate((value for _, _, value, _ in told), max))
        for asked_at, _, value, process in told:
            before = bisect_right(answered, asked_at)
            if before and highest[before - 1] > value:
                yield f"{series}: {value} by {process} at {asked_at:.1f} after {highest[before - 1]}"


def told_by_two(scrapes: Iterable[Scrape]) -> Iterator[str]:
    """Yield each scrape of a shard between two of another process, sooner than a shard goes there and back."""
    by_shard: dict[int, list[Scrape]] = defaultdict(list)
    for scrape in scrapes:
        for shard in scrape.shards:
            by_shard[shard].append(scrape)
    for shard, told in by_shard.items():
        for one in told:
            near = [other for other in told if abs(other.asked_at - one.asked_at) < _PASSED_ON / 2]
            before = {other.process for other in near if other.answered_at <= one.asked_at}
            after = {other.process for other in near if other.asked_at >= one.answered_at}
            for process in (before & after) - {one.process}:
                yield f"shard {shard}: by {one.process} at {one.asked_at:.1f}, and by {process} before and after"


def _read(process: str, asked_at: float, exposition: str) -> Scrape:
    answered_at = time.monotonic()
    owned, shards, counted = 0, set(), {}
    for line in exposition.splitlines():
        if line.startswith(_OWNED):
            owned = int(float(line.removeprefix(_OWNED)))
        elif match := _SHARD.search(line):
            shards.add(int(match[1]))
            if _COUNTED.match(line):
                series, _, value = line.rpartition(" ")
                counted[sys.intern(series)] = float(value)
    return Scrape(process, asked_at, answered_at, owned, frozenset(shards), counted)


def _share_all(members: Collection[Member], since: float) -> bool:
    owned = [scrape.owned for member in members if (scrape := member.latest(since))]
    return len(owned) == len(members) and sum(owned) == SHARDS and max(owned) - min(owned) <= 1


def _tell_all(members: Collection[Member], since: float) -> bool:
    told = [scrape.shards for member in members if (scrape := member.latest(since))]
    return sum(map(len, told)) == SHARDS == len(frozenset().union(*told))


def _together(name: str, told: list[float]) -> float:
    # The one is a minimum, the other the config's, which all have.
    is_no_sum = name in ("bkmonitor_flow_oldest_unacked_timestamp_seconds", "bkmonitor_flow_ack_target_seconds")
    return min(told) if is_no_sum else sum(told)
