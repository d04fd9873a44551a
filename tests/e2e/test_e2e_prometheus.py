"""A real Prometheus scrapes the exporter and answers with the truth."""

import subprocess
import time
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.simulated_watch import write_watch_file
from exporter.simulator import Simulator, SimulatorSettings
from tests.e2e.harness import ExporterProcess, differences, flow_samples, labels, true_samples, wait_until
from tests.e2e.prometheus import running_prometheus

BOUNDS = (30.0, 300.0, 3600.0)
CONFIG = """\
sources:
  - name: sim
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 4}}
    watch: [{{files: [watch.json]}}]
histograms:
  time_to_ack: [30s, 5m, 1h]
  time_to_first_action: [30s, 5m, 1h]
  time_to_end: [30s, 5m, 1h]
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""


def test_prometheus_stores_the_truth_without_a_complaint(tmp_path: Path) -> None:
    """Every series it stores has the true value; its log has no warning; the other parsers are content, too."""
    epoch = float(int(time.time()))
    settings = SimulatorSettings(dialect="documented", epoch=epoch, history=7200, alerts_per_hour=60)
    with Simulator(settings, now=lambda: epoch) as simulator:
        write_watch_file(tmp_path / "watch.json", simulator.world, epoch)
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url, folder=tmp_path))
        truth = true_samples(simulator.world.truth(epoch), "sim", BOUNDS)
        with (
            ExporterProcess(tmp_path / "config.yaml") as exporter,
            running_prometheus(tmp_path, exporter.url) as prometheus,
        ):

            def wrong() -> dict[str, tuple[float, float]]:
                return differences(flow_samples(prometheus.query('{job="flow"}')), truth)

            wait_until(lambda: not wrong(), within=60)
            assert wrong() == {}

            (target,) = prometheus.targets()
            assert (target["health"], target["lastError"]) == ("up", "")
            assert prometheus.complaints() == []
            team_p50 = prometheus.query(
                "histogram_quantile(0.5, sum by (le) (bkmonitor_flow_time_to_ack_seconds_bucket))"
            )
            assert 30 < next(iter(team_p50.values())) < 3600

            text = exporter.get("/metrics").content
            openmetrics = exporter.get("/metrics", Accept="application/openmetrics-text; version=1.0.0").text

    read = {(s.name, labels(s.labels)): s.value for f in text_string_to_metric_families(openmetrics) for s in f.samples}
    assert differences(flow_samples(read), truth) == {}
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    complaints = (checked.stdout + checked.stderr).decode().splitlines()
    assert [line for line in complaints if not line.startswith("bkmonitor_flow_anomaly_count ")] == []
