"""A day that dashboards can show: a simulated BlueKing, an exporter, and a real Prometheus that scrapes it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from exporter.dashboards import BUNDLED
from exporter.simulator import Alert, Judgement, Simulator, SimulatorSettings
from grafana.queries import Query, everything, filled, label_values
from tests.e2e.bad_days import LeapingExporter
from tests.e2e.harness import SEVERITIES, Samples, differences, flow_samples, true_samples, wait_until
from tests.e2e.prometheus import Prometheus, running_prometheus

BOUNDS = (30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0)
SPANS = {"__range": "10m", "__rate_interval": "10m", "__interval": "5s"}
RULES = Path(__file__).parents[2] / "prometheus" / "rules" / "bkmonitor-flow.yml"
_SCRAPED_EVERY = "200ms"  # the shorter, the less Prometheus extrapolates
_TEAMS = {"2": "payments", "3": "infra"}
_OTHER_BUSINESS = 5_000_140
_AFTERNOON = 2800.0  # then no deadline passes for a quarter of an hour, so that the evening stays as it is
_WITHIN = {target.match["severity"]: target.within for target in BUNDLED.targets}


@dataclass(frozen=True, slots=True)
class Day:
    """What Prometheus has: `before` is the truth of the morning, `after` that of the evening, of which it can tell."""

    prometheus: Prometheus
    before: Samples
    after: Samples
    alerts: tuple[Mapping[str, Any], ...]

    def happened(self, name: str, **wanted: str) -> float:
        """Return by how much the series of a flow metric with these labels grew, all together."""
        return sum_of(self.after, name, **wanted) - sum_of(self.before, name, **wanted)

    def waiting(self) -> list[Mapping[str, Any]]:
        """Return the open alerts that nobody acknowledged and that are not shielded."""
        return [
            alert
            for alert in self.alerts
            if alert["outcome"] is None and not alert["is_acked"] and not alert["is_shielded"]
        ]

    def values(self, dashboard: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return what can be chosen of each variable that asks Prometheus, others standing for everything."""
        chosen = {**everything(dashboard), **SPANS}
        found = {}
        for variable in dashboard["templating"]["list"]:
            asked = label_values(variable)
            if asked is not None:
                series, label = asked
                found[variable["name"]] = self.label_values(filled(series, chosen), label)
        return found

    def label_values(self, series: str, label: str) -> list[str]:
        """Return the values that a label has among series."""
        url = f"{self.prometheus.url}/api/v1/label/{label}/values"
        answer = requests.get(url, params={"match[]": series}, timeout=5).json()
        return [str(value) for value in answer["data"]]

    def ask(self, query: Query, values: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the series that a query gets, as Grafana asks; raises ValueError with what Prometheus minds."""
        params: dict[str, object] = {"query": filled(query.expr, {**SPANS, **values})}
        now = time.time()
        if query.is_instant:
            path, moment = "query", {"time": now}
        else:
            path, moment = "query_range", {"start": now - 60, "end": now, "step": 5}
        answer = requests.post(f"{self.prometheus.url}/api/v1/{path}", data={**params, **moment}, timeout=20).json()
        if answer["status"] != "success":
            raise ValueError(f"{query.panel}, {query.ref}: {answer['error']}\n{params['query']}")
        return list(answer["data"]["result"])


def sum_of(samples: Samples, name: str, **wanted: str) -> float:
    """Return the sum of the flow samples of this name that have these labels."""
    return sum(
        value
        for (of, pairs), value in samples.items()
        if of == f"bkmonitor_flow_{name}" and wanted.items() <= dict(pairs).items()
    )


def within_of(severity: str) -> float | None:
    """Return in how many seconds alerts of a severity are to be acknowledged; None for no target."""
    return _WITHIN.get(severity)


@contextmanager
def whole_day(folder: Path) -> Iterator[Day]:
    """Give a day: an hour before the exporter looked first, then the afternoon, which it sees as it happens."""
    evening = float(int(time.time()))
    hand = [evening - _AFTERNOON]
    ahead = hand[0] - time.time()
    settings = SimulatorSettings(dialect="documented", epoch=hand[0], history=3000, alerts_per_hour=60)
    with Simulator(settings, now=lambda: hand[0]) as simulator:

        def truth() -> Mapping[str, Any]:
            # What simulated people do stands still; deadlines pass all the same, on the exporter's clock.
            judgement = Judgement(within=_within, at=time.time() + ahead, searched=True)
            return simulator.world.truth(hand[0], judgement)

        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(_config(simulator.url, folder)))
        with (
            LeapingExporter(config, ahead).running() as exporter,
            running_prometheus(folder, exporter.url, every=_SCRAPED_EVERY, more=_with_rules(folder)) as prometheus,
        ):
            before = _agreed(prometheus, truth)
            hand[0] = evening
            ahead += _AFTERNOON
            exporter.leap(_AFTERNOON)
            after = _agreed(prometheus, truth)
            yield Day(prometheus, _samples(before), _samples(after), tuple(after["alerts"]))


def _with_rules(folder: Path) -> str:
    """Write the bundled rules, evaluated each second rather than each minute; return how Prometheus is told of them."""
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in document["groups"]:
        group["interval"] = "1s"
    hurried = folder / "rules.yml"
    hurried.write_text(yaml.safe_dump(document))
    return f"rule_files: [{hurried}]\n"


def _agreed(prometheus: Prometheus, truth: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Wait until Prometheus tells the truth, and return that."""

    def wrong() -> dict[str, tuple[float, float]]:
        told = flow_samples(prometheus.query('{__name__=~"bkmonitor_flow_.+",job="flow"}'))
        configured = {key for key in told if key[0] == "bkmonitor_flow_ack_target_seconds"}
        return differences({key: value for key, value in told.items() if key not in configured}, _samples(truth()))

    wait_until(lambda: not wrong(), within=45)
    # Outside of test modules pytest does not tell what was compared.
    assert not wrong(), wrong()
    return truth()


def _samples(truth: Mapping[str, Any]) -> Samples:
    return true_samples(truth, "sim", BOUNDS, labelled=_labels)


def _labels(alert: Mapping[str, Any]) -> dict[str, object]:
    business = str(alert["bk_biz_id"])
    return {"bk_biz_id": business, "severity": SEVERITIES[alert["severity"]], "team": _TEAMS.get(business, "others")}


def _within(alert: Alert) -> float | None:
    return within_of(SEVERITIES[alert.severity])


def _config(url: str, folder: Path) -> dict[str, object]:
    # Not all (-1) for the others: it would take what shows up after the search before it, when time leaps in between.
    searches = [(int(business), team) for business, team in _TEAMS.items()] + [(_OTHER_BUSINESS, "others")]
    return {
        "sources": [
            {
                "name": "sim",
                "url": url,
                "auth": {"app_code": "flow-exporter", "app_secret": "not-a-secret", "username": "admin"},
                "rate_limit": {"requests_per_second": 1000, "burst": 1000, "concurrency": 4},
                "watch": [{"search": {"bk_biz_ids": [id_]}, "labels": {"team": team}} for id_, team in searches],
            }
        ],
        "poll": {"interval": 0.5, "refresh": 1, "settle": 0.2, "first_seen_window": "6h"},
        "ack_targets": [
            {"match": dict(target.match), "within": target.within, "objective": target.objective}
            for target in BUNDLED.targets
        ],
        "ledger": {"url": f"sqlite:///{folder}/flow.db"},
        "web": {"birth_hold": 3},
    }
