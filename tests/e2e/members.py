"""One world counted twice: by an exporter alone, and by members who share a ledger, each scraped by one Prometheus."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from exporter.config import load_config
from exporter.dashboards import bundled, fitted, outlook_of
from exporter.rules import rules_document
from exporter.simulated_watch import watch_file_kept
from exporter.simulator import Judgement, Simulator, SimulatorSettings
from grafana.queries import everything, filled, queries
from tests.e2e.harness import ExporterProcess, Samples, differences, flow_samples, true_samples, wait_until
from tests.e2e.lively import BOUNDS, HISTOGRAMS
from tests.e2e.prometheus import Prometheus, free_port, running_prometheus
from tests.postgresql import running_server

ALONE, SHARED = "alone", "flow"
"""The jobs: that of the exporter alone, and that of those who share."""
_SPANS = {"__range": "10m", "__rate_interval": "10m", "__interval": "5s"}
_SHARDS = 4
_MEMBERS = 2
_WITHIN = {"payments": 2.0, "infra": 3.0}
_CONFIG = f"""\
sources:
  - name: sim
    url: {{url}}
    auth: {{{{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}}}
    timeout: 2s
    rate_limit: {{{{requests_per_second: 1000, burst: 1000, concurrency: 4}}}}
    watch: [{{{{files: [watch.json]}}}}]
poll: {{{{interval: 1s, acked_interval: 1s, settle: 3s}}}}
{HISTOGRAMS}ack_targets:
  - {{{{match: {{{{team: payments}}}}, within: 2s, objective: 0.99}}}}
  - {{{{match: {{{{team: infra}}}}, within: 3s, objective: 0.99}}}}
ledger: {{{{url: "{{ledger}}"}}}}
web: {{{{birth_hold: 2s}}}}
"""
_EXAMPLE = Path(__file__).parents[2] / "prometheus" / "prometheus.example.yml"
_OLDEST = "bkmonitor_flow_oldest_unacked_timestamp_seconds"

_OWN = (
    "Down",
    "Unscraped",
    "Stale",
    "Quarantined",
    "Dropped",
    "Failed",
    "Skew",
    ":min",
    ":max",
    ":freshest",
    ":expected",
)
"""How the names of the rules end that are on the exporters themselves."""

Answers = dict[frozenset[tuple[str, str]], tuple[float, ...]]
"""The values of each label set, of which there is one: job, instance and shard are not among the labels."""


@dataclass
class Clock:
    """The world's: stands, but while it is to go on. `stood` is where it stood, the last of which is where it does."""

    stood: list[float] = field(default_factory=lambda: [time.time()])
    goes: bool = False

    def __call__(self) -> float:
        """Return the moment, in unix seconds."""
        return time.time() if self.goes else self.stood[-1]

    @contextmanager
    def going(self) -> Iterator[None]:
        """Let things happen; what would have happened since the last time does so at once."""
        self.goes = True
        yield
        self.stood.append(time.time())
        self.goes = False


@dataclass
class Scene:
    """Prometheus, what there is to be told, and who tells it; `come` has one more of those who share start."""

    prometheus: Prometheus
    simulator: Simulator
    clock: Clock
    config: Path
    members: list[ExporterProcess]
    come: Callable[[], object]

    def live(self, seconds: float, *acts: Callable[[], object]) -> None:
        """Let the world go on, with something that happens every now and then."""
        with self.clock.going():
            for act in (*acts, None):
                ends = time.monotonic() + seconds / (len(acts) + 1)
                wait_until(lambda: time.monotonic() >= ends, within=seconds)  # noqa: B023 - called here only
                if act is not None:
                    act()

    def settle(self) -> None:
        """Wait until both jobs tell the truth."""
        wait_until(lambda: not any(self.wrong().values()), within=60)
        # Outside of test modules pytest does not tell what was compared.
        assert not any(self.wrong().values()), self.wrong()

    def wrong(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Return what each job tells otherwise than it is."""
        truth = self.truth()
        told = {job: self.prometheus.query(f'{{__name__=~"bkmonitor_flow_.+",job="{job}"}}') for job in (ALONE, SHARED)}
        return {job: differences(_merged(flow_samples(samples)), truth) for job, samples in told.items()}

    def truth(self) -> Samples:
        """Return what there is to be told."""
        judgement = Judgement(within=lambda alert: _WITHIN.get(alert.team), at=math.inf)
        world: Any = self.simulator.world.truth(self.clock(), judgement)
        return true_samples({**world, "alerts": [self._judged(alert) for alert in world["alerts"]]}, "sim", BOUNDS)

    def _judged(self, alert: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an alert as exporters judge it: for them time goes on while the world stands, and deadlines pass."""
        came_at = alert["acked_at"] or alert["ended_at"] or math.inf
        stood_still = any(alert["created_at"] <= moment < came_at for moment in self.clock.stood)
        return {**alert, "deadline_result": alert["deadline_result"] and "missed"} if stood_still else alert

    def ask(self, expr: str, at: float) -> list[dict[str, Any]]:
        """Return what a query gets at a moment."""
        url, asked = f"{self.prometheus.url}/api/v1/query", {"query": expr, "time": f"{at:.3f}"}
        told = requests.post(url, data=asked, timeout=20).json()
        assert told["status"] == "success", (expr, told)
        return list(told["data"]["result"])

    def shown(self, job: str, at: float) -> dict[str, Answers]:
        """Return what the dashboards on alerts show of a job, by panel and query."""
        found = {}
        for name in ("alert-flow.json", "alert-response.json"):
            dashboard = fitted(bundled()[name], outlook_of(load_config(self.config, {})))
            values = {**everything(dashboard), **_SPANS, "job": job}
            for query in queries(dashboard):
                result = _answers(self.ask(filled(query.expr, values), at))
                # Which one of several that are equally loud is among the loudest, is left to chance.
                found[f"{query.panel}, {query.ref}"] = _values(result) if "topk(10" in query.expr else result
        return found

    def decided(self, job: str, at: float) -> dict[str, Answers]:
        """Return what the rules on alerts come to for a job, by name and number; and which of their alerts fire."""
        groups = requests.get(f"{self.prometheus.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"] if not rule["name"].endswith(_OWN)]
        found = {f"{rule['name']} {n}": self._answers_of(job, rule["query"], at) for n, rule in enumerate(rules)}
        names = "|".join({rule["name"] for rule in rules if rule["type"] == "alerting"})
        return {**found, "ALERTS": self._answers_of(job, f'ALERTS{{alertname=~"{names}"}}', at)}

    def _answers_of(self, job: str, expr: str, at: float) -> Answers:
        return _answers(series for series in self.ask(expr, at) if series["metric"].get("job") == job)


def _answers(result: Iterable[Mapping[str, Any]]) -> Answers:
    """Return what a query got, without what tells the jobs and their shards apart."""
    found: Answers = {}
    for series in result:
        labels = frozenset((k, v) for k, v in series["metric"].items() if k not in {"job", "instance", "shard"})
        found[labels] = (*found.get(labels, ()), float(series["value"][1]))
    return found


def _values(found: Answers) -> Answers:
    return {frozenset(): tuple(sorted(value for values in found.values() for value in values))}


def _merged(samples: Samples) -> Samples:
    """Return samples for all shards together; the configured targets, of which no world tells, are left out."""
    merged: Samples = {}
    for (name, pairs), value in samples.items():
        key = name, frozenset(pair for pair in pairs if pair[0] != "shard")
        merged[key] = min(value, merged.get(key, value)) if name == _OLDEST else value + merged.get(key, 0.0)
    return {key: value for key, value in merged.items() if key[0] != "bkmonitor_flow_ack_target_seconds"}


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Give a world that stands, once both jobs have told it as it is."""
    clock = Clock()
    settings = SimulatorSettings(dialect="documented", epoch=clock(), history=60, alerts_per_hour=3000, speed=150)
    with ExitStack() as ending:
        simulator = ending.enter_context(Simulator(settings, now=clock))
        server = ending.enter_context(running_server())
        ending.enter_context(watch_file_kept(folder / "watch.json", simulator.world, clock))
        ledgers = {ALONE: f"sqlite:///{folder}/flow.db", SHARED: server.new_database().render_as_string(False)}
        configs = {job: folder / f"{job}.yaml" for job in ledgers}
        for job, ledger in ledgers.items():
            shards = f"shards: {_SHARDS}\n" if job == SHARED else ""
            configs[job].write_text(_CONFIG.format(url=simulator.url, ledger=ledger) + shards)
        alone = ending.enter_context(ExporterProcess(configs[ALONE]))
        members = [ending.enter_context(ExporterProcess(configs[SHARED])) for _ in range(_MEMBERS)]
        free = f"127.0.0.1:{free_port()}"
        urls = [alone.url, f"http://{free}", *(member.url for member in members)]
        prometheus = ending.enter_context(_scraping(folder, *urls, rules=_rules(folder, configs[ALONE])))

        def come() -> None:
            ending.enter_context(ExporterProcess(configs[SHARED], f"--web.listen-address={free}"))

        new = Scene(prometheus, simulator, clock, configs[ALONE], members, come)
        new.settle()
        yield new


@contextmanager
def _scraping(folder: Path, alone: str, *members: str, rules: Path) -> Iterator[Prometheus]:
    """Give a Prometheus that scrapes the one alone and, as the example has it, those who share."""
    (example,) = yaml.safe_load(_EXAMPLE.read_text(encoding="utf-8"))["scrape_configs"]
    target = alone.partition("://")[2]
    how = f"""\
    metric_relabel_configs: {json.dumps(example["metric_relabel_configs"])}
  - job_name: {ALONE}
    static_configs: [{{targets: ["{target}"]}}]
"""
    with running_prometheus(folder, *members, how=how, every="500ms", more=f"rule_files: [{rules}]\n") as prometheus:
        yield prometheus


def _rules(folder: Path, config: Path) -> Path:
    """Write the rules of a config, evaluated each second."""
    document = yaml.safe_load(rules_document(load_config(config, {})))
    for group in document["groups"]:
        group["interval"] = "1s"
    path = folder / "rules.yml"
    path.write_text(yaml.safe_dump(document))
    return path
