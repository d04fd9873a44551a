"""Listed labels, limits, exemplars and births, from the config to what a real Prometheus stores."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.simulator import Simulator, SimulatorSettings
from tests.e2e.harness import ExporterProcess, Samples, wait_until
from tests.e2e.prometheus import running_prometheus

CONFIG = """\
sources:
  - name: sim
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 4}}
    watch: [{{search: {{bk_biz_ids: [-1]}}}}]
poll: {{interval: 500ms, acked_interval: 500ms, refresh: 1s, settle: 1s}}
labels: [{{field: severity, only: [fatal]}}{more}]
limits: {limits}
ledger: {{url: "sqlite:///{folder}/flow.db"}}
web: {{birth_hold: 0s, created_series: true}}
"""
COMMON = {("source", "sim"), ("severity", "other"), ("strategy_id", "other")}
# Lives within seconds.
WORLD: Mapping[str, Any] = {"alerts_per_hour": 10_000, "speed": 300.0}


def write_config(folder: Path, url: str, *, more: str = "", limits: str = "{}") -> Path:
    """Write the config, with more labels and with limits."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(url=url, folder=folder, more=more, limits=limits))
    return path


def values(samples: Samples, name: str, label: str) -> dict[str, float]:
    """Return the sum of a metric's samples by the value of a label."""
    found: dict[str, float] = {}
    for (metric, labels), value in samples.items():
        if metric == name:
            shown = dict(labels).get(label, "")
            found[shown] = found.get(shown, 0.0) + value
    return found


def test_prometheus_stores_the_exemplars_without_a_complaint(tmp_path: Path) -> None:
    """Each names an alert with its own time to ack; buckets move on to later alerts, and nothing is out of order."""
    epoch = float(int(time.time()))
    with (
        Simulator(SimulatorSettings(epoch=epoch, history=0, **WORLD)) as simulator,
        ExporterProcess(write_config(tmp_path, simulator.url)) as exporter,
        running_prometheus(tmp_path, exporter.url) as prometheus,
    ):

        def stored() -> list[dict[str, Any]]:
            return prometheus.exemplars("bkmonitor_flow_time_to_ack_seconds_bucket", epoch, time.time())

        wait_until(lambda: len(stored()) >= 5, within=60)
        found = stored()
        # What came after the baseline, which is over before most of it begins.
        created = prometheus.query('{__name__=~"bkmonitor_flow_.+_created"}')
        complaints = prometheus.complaints()
        truth: Mapping[str, Any] = simulator.world.truth(time.time() + 3600)

    acked: dict[str, float] = {a["id"]: a["acked_at"] - a["created_at"] for a in truth["alerts"] if a["acked_at"]}
    assert complaints == []
    assert created
    assert all(epoch <= at <= time.time() for at in created.values())
    assert len(found) >= 5
    assert {e["labels"]["alert_id"]: float(e["value"]) for e in found}.items() <= acked.items()


def test_limits_and_lists_hold_from_the_config_on(tmp_path: Path) -> None:
    """A value that is not listed is `other`; beyond the limits alerts lose their labels or their series, and count."""
    epoch = float(int(time.time()))
    settings = SimulatorSettings(epoch=epoch, history=60, **{**WORLD, "speed": 1.0})
    with Simulator(settings, now=lambda: epoch) as simulator:
        config = write_config(tmp_path, simulator.url, more=", strategy_id", limits="{alert_series: 3, label_sets: 2}")
        with ExporterProcess(config) as exporter:
            wait_until(lambda: any(name == "bkmonitor_flow_alert_info" for name, _ in exporter.samples()), within=60)
            samples = exporter.samples()
            openmetrics = exporter.get("/metrics", Accept="application/openmetrics-text; version=1.0.0").text
            log = [line for line in exporter.log if "limits.label_sets is reached" in line]

    shown = {
        frozenset(labels) for name, labels in samples if name == "bkmonitor_flow_time_to_first_action_seconds_count"
    }
    opened = values(samples, "bkmonitor_flow_open_alerts", "strategy_id")
    alerts = int(sum(opened.values()))
    dropped = values(samples, "bkmonitor_flow_exporter_series_dropped_total", "metric")
    assert set(values(samples, "bkmonitor_flow_open_alerts", "severity")) <= {"fatal", "other"}
    assert opened["other"] > 0
    assert len({labels for labels in shown if set(labels) - COMMON}) == 2
    assert len([name for name, _ in samples if name == "bkmonitor_flow_alert_info"]) == 3
    assert dropped["bkmonitor_flow_alert_info"] == alerts - 3
    assert dropped["label_sets"] >= opened["other"]
    assert len(log) == 1
    assert "_created" not in openmetrics  # all of it began with history
