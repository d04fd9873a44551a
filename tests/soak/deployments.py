"""What a soak watches: two simulated BlueKings whose alerts live fifty times as fast as real ones."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from exporter.simulator import Dialect, Judgement, Life, Simulator, SimulatorSettings
from exporter.simulator.plot import lives
from tests.e2e.harness import SEVERITIES, Samples, differences, flow_samples, true_samples
from tests.watching import write_file

SPEED = 50
RETENTION = 180  # seconds
HISTORY = 60.0
ALERTS_PER_HOUR = 7200.0  # of each deployment
LONGEST_LIFE = 300  # seconds: four hours at this speed

_DIALECTS: Mapping[str, Dialect] = {"listed": "documented", "searched": "today"}
_BOUNDS = (2, 10, 60, 300)
_FIXED = 5
_LISTED_AFTER_END = 60.0  # seconds that a watch file still lists what has ended
_WITHIN = {"severity": {"fatal": 6, "warning": 36}, "team": {"payments": 6, "infra": 36}}  # 5 and 30 min at this speed

Config = dict[str, Any]


class Deployments:
    """`listed` is watched by fixed ids and by a watch file that somebody keeps up to date, `searched` by a search.

    Alerts are born for so many `seconds` from now. Lives that are long or have no end are left out: they would add up,
    and hide what leaks.
    """

    def __init__(self, folder: Path, seed: int, seconds: float) -> None:
        self._folder = folder
        self._until = math.inf
        epoch = time.time()
        self._lives = {name: _lives(dialect, seed, epoch, seconds) for name, dialect in _DIALECTS.items()}
        self._fixed = tuple(life.alert.id for life in self._lives["listed"][:_FIXED])
        self._simulators = {name: self._simulator(name) for name in _DIALECTS}

    def _simulator(self, name: str) -> Simulator:
        return Simulator(SimulatorSettings(dialect=_DIALECTS[name]), now=self.now, lives=self._lives[name])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve within the block."""
        with ExitStack() as running:
            for simulator in self._simulators.values():
                running.enter_context(simulator)
            yield

    def now(self) -> float:
        """Return the time there, in unix seconds."""
        return min(time.time(), self._until)

    def stand_still(self) -> None:
        """Let nothing happen any more."""
        self._until = time.time()
        self.list_alerts()

    @property
    def lived(self) -> int:
        """How many alerts there were so far."""
        now = self.now()
        return sum(life.alert.created_at <= now for lives in self._lives.values() for life in lives)

    def config(self, number: int = 0, *, impatient: bool = False) -> Config:
        """Return a config; one of another `number` differs in how its sources are asked.

        The `impatient` one soon reads every log: what a search shows as unchanged rests ever longer between two reads.
        """
        watches: Mapping[str, list[Config]] = {
            "listed": [{"alerts": list(self._fixed), "labels": {"team": "fixed"}}, {"files": ["watch.json"]}],
            "searched": [{"search": {"bk_biz_ids": [-1]}, "labels": {"team": "all"}}],
        }
        return {
            "sources": [self._source(name, watch, number) for name, watch in watches.items()],
            "poll": {
                "interval": 30 / SPEED,
                "acked_interval": (30 if impatient else 300) / SPEED,
                "refresh": 0.05 if impatient else 600 / SPEED,
                "settle": 2,
                "first_seen_window": 3600 / SPEED,
            },
            "labels": ["severity"],
            "histograms": {f"time_to_{event}": list(_BOUNDS) for event in ("ack", "first_action", "end")},
            "ack_targets": [
                {"match": {label: value}, "within": within}
                for label, by_value in _WITHIN.items()
                for value, within in by_value.items()
            ],
            "ledger": {"url": f"sqlite:///{self._folder}/flow.db", "retention": RETENTION},
            "web": {"birth_hold": 60 / SPEED},
        }

    def _source(self, name: str, watch: list[Config], number: int) -> Config:
        return {
            "name": name,
            "url": self._simulators[name].url,
            "headers": {"X-Round": str(number)},
            "auth": {"app_code": "flow-exporter", "app_secret": "not-a-secret", "username": "admin"},
            "rate_limit": {"requests_per_second": 1000, "burst": 1000, "concurrency": 4},
            "watch": watch,
        }

    def list_alerts(self) -> None:
        """Write the watch file as of now."""
        now = self.now()
        teams: dict[str, list[str]] = defaultdict(list)
        for life in self._lives["listed"]:
            if life.alert.created_at <= now and (life.ended_at or math.inf) + _LISTED_AFTER_END > now:
                teams[life.alert.team].append(life.alert.id)
        groups = [{"alerts": ids, "labels": {"team": team}} for team, ids in sorted(teams.items())]
        write_file(self._folder / "watch.json", json.dumps(groups))

    def wrong(self, samples: Samples) -> dict[str, tuple[float, float]]:
        """Return what the flow metrics tell otherwise than it is, once every deadline was judged."""
        told = {key: value for key, value in flow_samples(samples).items() if "source" in dict(key[1])}
        true = self._true("listed", self._as_listed) | self._true("searched", _as_searched)
        return differences(told, true)

    def _true(self, name: str, labelled: Callable[[Mapping[str, Any]], dict[str, object]]) -> Samples:
        is_searched = name == "searched"

        def within(labels: Mapping[str, object]) -> float | None:
            return next((by[str(labels[label])] for label, by in _WITHIN.items() if labels.get(label) in by), None)

        world = self._simulators[name].world
        judgement = Judgement(
            within=lambda alert: within(labelled({"id": alert.id, "team": alert.team, "severity": alert.severity})),
            at=math.inf,
            searched=is_searched,
        )
        return true_samples(world.truth(self.now(), judgement), name, _BOUNDS, labelled=labelled)

    def _as_listed(self, alert: Mapping[str, Any]) -> dict[str, object]:
        return {"team": "fixed" if alert["id"] in self._fixed else alert["team"]}


def _as_searched(alert: Mapping[str, Any]) -> dict[str, object]:
    return {"team": "all", "severity": SEVERITIES[alert["severity"]]}


def _lives(dialect: Dialect, seed: int, epoch: float, seconds: float) -> list[Life]:
    settings = SimulatorSettings(
        seed=seed,
        dialect=dialect,
        epoch=epoch,
        history=HISTORY,
        duration=seconds,
        alerts_per_hour=ALERTS_PER_HOUR,
        speed=SPEED,
    )
    return [life for life in lives(settings) if life.ended_at and life.ended_at - life.alert.created_at <= LONGEST_LIFE]
