"""The two simulated deployments of a chaos, each at the end of a wire: one is searched, of the other ids are listed."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from exporter.simulator import Dialect, Judgement, Life, Simulator, SimulatorSettings
from tests.chaos.child import HOST
from tests.chaos.wire import Wire
from tests.e2e.harness import SEVERITIES, Samples, labels, true_samples
from tests.e2e.lively import BOUNDS

SECRET = "uT6wQ2xR9zKe"
TIMEOUT = 1.0
# Each is a bound of the buckets already, so that they add none.
_WITHIN: Mapping[str, Mapping[str, float]] = {
    "team": {"payments": 2.0, "infra": 5.0},
    "severity": {"fatal": 1.0, "warning": 5.0},
}


def target_settings() -> list[dict[str, object]]:
    """Return the ack targets of a config: those by team are for whom a file lists, those by severity for the others."""
    return [
        {"match": {label: value}, "within": within}
        for label, targets in _WITHIN.items()
        for value, within in targets.items()
    ]


def target_samples() -> Samples:
    """Return the gauge that tells these targets."""
    return {
        ("bkmonitor_flow_ack_target_seconds", labels({label: value})): within
        for label, targets in _WITHIN.items()
        for value, within in targets.items()
    }


class Upstream:
    """A deployment whose alerts are found by search (`is_searched`), or listed in a watch file by team."""

    def __init__(
        self, name: str, lives: Iterable[Life], now: Callable[[], float], *, is_searched: bool, timezone: str
    ) -> None:
        self.name = name
        self.is_searched = is_searched
        self._timezone = timezone
        self._simulator = Simulator(
            SimulatorSettings(
                dialect=self.dialect(is_searched=is_searched),
                auth="header" if is_searched else "params",
                timezone=timezone,
                app_secret=SECRET,
            ),
            now=now,
            lives=lives,
        )
        self.world = self._simulator.world
        self.wire: Wire

    @staticmethod
    def dialect(*, is_searched: bool) -> Dialect:
        """Return how such a deployment talks."""
        return "today" if is_searched else "documented"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve within the block, by way of the wire."""
        with self._simulator:
            self.wire = Wire(self._simulator.url)
            try:
                yield
            finally:
                self.wire.close()

    def source(self) -> dict[str, object]:
        """Return the source of a config that watches all of its alerts."""
        found: dict[str, object] = {"search": {"bk_biz_ids": [-1]}, "labels": {"team": "all"}}
        return {
            "name": self.name,
            "url": f"http://{HOST}:{self.wire.port}",
            "timezone": self._timezone,
            "auth": {
                "app_code": "flow-exporter",
                "app_secret": SECRET,
                "username": "admin",
                "placement": "header" if self.is_searched else "params",
            },
            "timeout": TIMEOUT,
            "rate_limit": {"requests_per_second": 1000, "burst": 1000, "concurrency": 4},
            "watch": [found if self.is_searched else {"files": ["watch.json"]}],
        }

    @contextmanager
    def switched(self, **faults: object) -> Iterator[None]:
        """Have requests meet these faults within the block."""
        self._switch(faults)
        yield
        self._switch({})

    def truth(self, now: float, without: frozenset[str]) -> Samples:
        """Return what the flow metrics should tell, once every deadline is over, but for some alerts."""
        targets = _WITHIN["severity" if self.is_searched else "team"]

        def within(alert: Any) -> float | None:
            return targets.get(SEVERITIES[alert.severity] if self.is_searched else alert.team)

        judgement = Judgement(within=within, at=math.inf, searched=self.is_searched)
        truth: Any = self.world.truth(now, judgement)
        truth["alerts"] = [alert for alert in truth["alerts"] if alert["id"] not in without]
        return true_samples(truth, self.name, BOUNDS, labelled=_as_searched if self.is_searched else _as_listed)

    def ids(self, now: float) -> frozenset[str]:
        """Return whoever was created by then."""
        return frozenset(alert.id for alert in self.world.alerts(now))

    def found(self, since: float, now: float) -> frozenset[str]:
        """Return whom an exporter finds that knows nobody: all who are listed, or were open at some time since."""
        if not self.is_searched:
            return self.ids(now)
        search = {"bk_biz_ids": [-1], "start_time": int(since), "end_time": int(now), "page_size": 5000}
        told: Any = self.world.search(search, now)
        return frozenset(str(alert["id"]) for alert in told["alerts"])

    def _switch(self, faults: Mapping[str, object]) -> None:
        requests.put(f"{self._simulator.url}/-/faults", json=faults, timeout=10).raise_for_status()


def _as_searched(alert: Mapping[str, Any]) -> dict[str, object]:
    return {"team": "all", "severity": SEVERITIES[alert["severity"]], "bk_biz_id": alert["bk_biz_id"]}


def _as_listed(alert: Mapping[str, Any]) -> dict[str, object]:
    return {"team": alert["team"]}
