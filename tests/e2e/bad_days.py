"""Bad days: simulated deployments whose world and faults a test moves by hand, and exporters that search them."""

import math
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests
import yaml

from exporter.config import load_config
from exporter.service import Service, Stopper
from exporter.simulator import Judgement, Life, Row, Simulator, SimulatorSettings, life_of
from tests.e2e.harness import (
    ExporterProcess,
    Samples,
    differences,
    flow_samples,
    labels,
    samples_of,
    true_samples,
    wait_until,
)

INTERVAL = 0.2
TIMEOUT = 1.0
CONCURRENCY = 4
SLOW = 2 * TIMEOUT
WINDOW = 3.0
FEW = 3  # requests that were under way, or due for other reasons, when a fault came
APP_SECRET = "not-a-secret"
_BOUNDS = (60.0, 600.0)
_OWN = "bkmonitor_flow_exporter_"


class Clothes(StrEnum):
    """What a deployment looks like: an old ESB reads credentials from parameters only, an API gateway from a header."""

    ESB = "esb"
    GATEWAY = "gateway"


in_both_clothes = pytest.mark.parametrize("clothes", Clothes)


class Deployment:
    """One simulated BlueKing. Its clock stands in the morning until it is put to the evening.

    Between the two `acked` is acknowledged, `ended` recovers and `new` begins; with `quiet` nothing happens.
    """

    def __init__(self, name: str, clothes: Clothes, app_secret: str = APP_SECRET) -> None:
        started = int(time.time())
        self.name = name
        self._clothes = clothes
        self._app_secret = app_secret
        self._morning, self._evening = started - 60, started - 30
        self._now = self._morning
        lives = self._lives()
        self.alert_ids = tuple(life.alert.id for life in lives)
        self.quiet, self.acked, self.ended, self.new = self.alert_ids
        settings = SimulatorSettings(
            dialect="documented" if clothes is Clothes.ESB else "today",
            auth="params" if clothes is Clothes.ESB else "header",
            app_secret=app_secret,
        )
        self._simulator = Simulator(settings, now=lambda: self._now, lives=lives)

    def _lives(self) -> list[Life]:
        before, after = self._morning - 100, self._evening - 10
        stories: Sequence[tuple[int, Sequence[Row]]] = (
            (before, [Row(before + 2, "ACTION")]),
            (before, [Row(before + 2, "ACTION"), Row(after, "ACK")]),
            (before, [Row(before + 2, "ACTION"), Row(after, "RECOVER")]),
            (after, [Row(after + 2, "ACTION")]),
        )
        return [
            life_of(f"{created}{number:05}", [Row(created, "CREATE"), *rows], team="all")
            for number, (created, rows) in enumerate(stories)
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve within the block."""
        with self._simulator:
            yield

    def source(self, auth: Mapping[str, object] | None = None) -> dict[str, object]:
        """Return the source of a config that watches all of its alerts; `auth` goes before the usual credentials."""
        is_gateway = self._clothes is Clothes.GATEWAY
        usual = {"app_code": "flow-exporter", "app_secret": self._app_secret, "username": "admin"}
        return {
            "name": self.name,
            "url": self._simulator.url,
            "paths": {"search_alert": "/app/alert/search/"} if is_gateway else {},
            "auth": auth or {**usual, "placement": "header" if is_gateway else "auto"},
            "timeout": TIMEOUT,
            "rate_limit": {"requests_per_second": 1000, "burst": 1000, "concurrency": CONCURRENCY},
            "watch": [{"search": {"bk_biz_ids": [-1]}, "labels": {"team": "all"}}],
        }

    def become_evening(self) -> None:
        """Let happen what happens during the day."""
        self._now = self._evening

    def switch(self, **faults: object) -> None:
        """Put the switchboard to these faults and no others."""
        requests.put(f"{self._simulator.url}/-/faults", json=faults, timeout=10).raise_for_status()

    def refuse(self, fault: str, *, logs_only: bool = False, **more: object) -> None:
        """Let each request meet this fault, or each for a log."""
        self.switch(**{fault: 1.0}, only_ids=self.alert_ids if logs_only else (), **more)

    def asked(self) -> int:
        """Return how many requests there were."""
        return sum(self._requests()["endpoints"].values())

    def searches(self) -> int:
        """Return how many searches there were."""
        return self._requests()["endpoints"]["search_alert"]

    def asked_about(self, alert_id: str) -> int:
        """Return how often the log of an alert was asked for."""
        return self._requests()["get_event_log"].get(alert_id, 0)

    def _requests(self) -> dict[str, dict[str, int]]:
        answer: dict[str, dict[str, int]] = requests.get(f"{self._simulator.url}/-/requests", timeout=10).json()
        return answer

    def wrong(self, samples: Samples, lagging: Collection[str] = ()) -> dict[str, tuple[float, float]]:
        """Return what the flow metrics tell otherwise than it is.

        Of the `lagging` alerts the logs of the morning are to be told, and the acknowledgements that searches tell.
        """
        told = {key: value for key, value in flow_samples(samples).items() if ("source", self.name) in key[1]}
        world = self._simulator.world
        then: Any = world.truth(self._morning, Judgement(searched=True))
        now: Any = world.truth(self._now, Judgement(searched=True))
        is_acked = {alert["id"]: alert["is_acked"] for alert in now["alerts"]}
        alerts = [alert for alert in now["alerts"] if alert["id"] not in lagging]
        alerts += [{**alert, "is_acked": is_acked[alert["id"]]} for alert in then["alerts"] if alert["id"] in lagging]
        return differences(told, true_samples({**now, "alerts": alerts}, self.name, _BOUNDS))


class Exporter(Protocol):
    """An exporter that can be scraped."""

    def samples(self) -> Samples:
        """Scrape and return every sample."""


def own(exporter: Exporter, name: str, source: str, **more: str) -> float:
    """Return one of the exporter's own metrics, without its prefix, for a source; 0 where there is none."""
    return exporter.samples().get((_OWN + name, labels({"source": source, **more})), 0.0)


def write_config(folder: Path, sources: Sequence[Mapping[str, object]]) -> Path:
    """Write a config in which all goes fast, and return where it is."""
    document = {
        "sources": list(sources),
        "poll": {"interval": INTERVAL, "refresh": 1, "settle": 0.2},
        "labels": [],
        "histograms": {name: list(_BOUNDS) for name in ("time_to_ack", "time_to_first_action", "time_to_end")},
        "ledger": {"url": f"sqlite:///{folder}/flow.db"},
        "web": {"birth_hold": 0},
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(document))
    return config


@contextmanager
def running(deployments: Sequence[Deployment]) -> Iterator[None]:
    """Serve deployments within the block."""
    with ExitStack() as all_running:
        for deployment in deployments:
            all_running.enter_context(deployment.running())
        yield


@contextmanager
def watched_process(folder: Path, clothes: Clothes, *names: str) -> Iterator[tuple[ExporterProcess, list[Deployment]]]:
    """Give deployments and the process that watches them, in the morning, when all is well."""
    deployments = [Deployment(name, clothes) for name in names]
    with running(deployments):
        config = write_config(folder, [deployment.source() for deployment in deployments])
        with ExporterProcess(config) as exporter:
            expect_right(exporter, deployments)
            yield exporter, deployments


class LeapingExporter:
    """An exporter in this process whose clock a test can put forward, so that it need not wait for minutes.

    At first it is `ahead` of ours by so many seconds.
    """

    def __init__(self, config: Path, ahead: float = 0.0) -> None:
        self._ahead = ahead
        self._stopper = Stopper()
        self._service = Service(
            load_config(config, {}),
            self._stopper,
            host="127.0.0.1",
            port=0,
            telemetry_path="/metrics",
            clock=lambda: time.time() + self._ahead,
        )
        self._thread = threading.Thread(target=self._service.run, name="poller")

    @contextmanager
    def running(self) -> Iterator["LeapingExporter"]:
        """Poll and serve within the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stopper.stop()
            self._thread.join()
            self._service.close()

    @property
    def url(self) -> str:
        """Where it is served."""
        return self._service.url

    def leap(self, seconds: float) -> None:
        """Put the clock forward."""
        self._ahead += seconds

    def samples(self) -> Samples:
        """Scrape and return every sample."""
        return samples_of(requests.get(f"{self._service.url}/metrics", timeout=10).text)


@contextmanager
def watched_leaping(folder: Path, clothes: Clothes, *names: str) -> Iterator[tuple[LeapingExporter, list[Deployment]]]:
    """Give deployments and a leaping exporter that watches them, in the morning, when all is well."""
    deployments = [Deployment(name, clothes) for name in names]
    with running(deployments):
        config = write_config(folder, [deployment.source() for deployment in deployments])
        with LeapingExporter(config).running() as exporter:
            expect_right(exporter, deployments)
            yield exporter, deployments


def expect_right(exporter: Exporter, deployments: Sequence[Deployment], within: float = 30.0) -> None:
    """Wait until every total of each deployment is what it should be, and all are up."""

    def wrong() -> dict[str, tuple[float, float]]:
        samples = exporter.samples()
        return {f"{d.name}: {what}": told for d in deployments for what, told in d.wrong(samples).items()}

    def down() -> list[str]:
        return [d.name for d in deployments if not own(exporter, "source_up", d.name)]

    wait_until(lambda: not wrong() and not down(), within)
    # Outside of test modules pytest does not tell what was compared.
    assert not wrong(), wrong()
    assert not down(), down()


def watch_for(seconds: float) -> None:
    """Let a window pass in which requests are counted."""
    threading.Event().wait(seconds)


def most_tries(first_wait: float, window: float) -> int:
    """Return how often one may ask within a window, where waits double and up to a half of each is jitter."""
    return 1 + math.floor(math.log2(1 + 2 * window / first_wait))


def lines(exporter: ExporterProcess, event: str, source: str) -> list[str]:
    """Return the lines of a log that tell an event of a source."""
    return [line for line in exporter.log if f'msg="{event}"' in line and f"source={source} " in f"{line.strip()} "]
