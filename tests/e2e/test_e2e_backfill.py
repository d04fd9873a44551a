"""A real Prometheus takes in a history that backfill wrote, and answers with the truth at every moment of it."""

import subprocess
import time
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import Alert, Dialect, Judgement, Simulator, SimulatorSettings
from tests.e2e.harness import COMMAND, SEVERITIES, Samples, differences, flow_samples, true_samples
from tests.e2e.prometheus import Prometheus, running_prometheus

HOURS = 20
BOUNDS = (30.0, 3600.0)
TARGETS = {"fatal": 300.0, "warning": 1800.0}
NOT_WRITTEN = ("anomaly_count", "alert_info", "unacked_since_timestamp_seconds")
ROLLING = {("operate", "CONVERGE"), ("operate", "EVENT_DROP")}
CONFIG = """\
sources:
  - name: sim
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 4}}
    watch:
      - {{search: {{bk_biz_ids: [-1], severity: [1]}}, labels: {{team: fatal}}}}
      - {{search: {{bk_biz_ids: [-1], severity: [2], status: [ABNORMAL]}}, labels: {{team: warning}}}}
      - {{search: {{bk_biz_ids: [-1]}}, labels: {{team: remind}}}}
labels: []
ack_targets: [{{match: {{team: fatal}}, within: 5m}}, {{match: {{team: warning}}, within: 30m}}]
histograms: {{time_to_ack: [30s, 1h], time_to_first_action: [30s, 1h], time_to_end: [30s, 1h]}}
"""


@pytest.mark.parametrize("dialect", ["documented", "today"])
def test_prometheus_tells_the_truth_of_every_moment(tmp_path: Path, dialect: Dialect) -> None:
    """All that a scrape would have told, but for the gauges of single alerts: at its time, and as an increase."""
    epoch = float(int(time.time()) - 86_400)
    start = epoch - HOURS * 3600
    settings = SimulatorSettings(dialect=dialect, epoch=epoch, history=HOURS * 3600, alerts_per_hour=12)
    with Simulator(settings, now=lambda: epoch) as simulator:
        backfill(tmp_path, simulator.url, start, epoch)
        moments = [start + minutes * 60 for minutes in (45, 301, 719, 1130, HOURS * 60)]
        truths = {at: true_history(simulator.world.truth(at, judgement(at))) for at in moments}

    with running_prometheus(tmp_path, "http://127.0.0.1:9") as prometheus:
        for at, truth in truths.items():
            # Of rows that a server merges, the log tells in the end a later time than it did before.
            is_sliding = dialect == "today" and at < epoch
            wrong = differences(told(prometheus, at), truth)
            assert {name: pair for name, pair in wrong.items() if not (is_sliding and _is_rolling(name))} == {}
        grown = increases(truths[epoch])
        assert increased(prometheus, grown, HOURS, epoch) == pytest.approx(grown, rel=1e-4)

    assert len({name for name, _ in grown}) == 12
    assert {"met", "missed", "ended"} <= {value for _, pairs in grown for name, value in pairs if name == "result"}


def test_a_history_in_pieces_grows_by_as_much_as_in_one(tmp_path: Path) -> None:
    """Ranges that touch: no event at the joint is lost, and none is seen twice, wherever it falls within a block."""
    epoch = float(int(time.time()) - 86_400)
    start, joint, hours = epoch - 10 * 3600, epoch - 4 * 3600 - 77, 10
    settings = SimulatorSettings(dialect="today", epoch=epoch, history=hours * 3600, alerts_per_hour=60)
    with Simulator(settings, now=lambda: epoch) as simulator:
        backfill(tmp_path, simulator.url, start, joint)
        backfill(tmp_path, simulator.url, joint, epoch)
        grown = increases(true_history(simulator.world.truth(epoch, judgement(epoch))))

    with running_prometheus(tmp_path, "http://127.0.0.1:9") as prometheus:
        assert increased(prometheus, grown, hours, epoch) == pytest.approx(grown, rel=1e-4)


def increases(truth: Samples) -> Samples:
    """Return the counters and histograms of a truth."""
    return {key: value for key, value in truth.items() if not key[0].endswith(("alerts", "timestamp_seconds"))}


def increased(prometheus: Prometheus, grown: Samples, hours: int, at: float) -> Samples:
    """Return by how much Prometheus saw the same metrics increase in the hours before."""
    seen: Samples = {}
    for name in {name for name, _ in grown}:
        answer = prometheus.query(f'increase({name}{{instance="backfill"}}[{hours}h])', at=at)
        seen |= {(name, pairs): value for (_, pairs), value in answer.items() if value}
    return seen


def backfill(folder: Path, url: str, start: float, end: float) -> None:
    """Write the history of a source, and have blocks made of it."""
    (folder / "config.yaml").write_text(CONFIG.format(url=url))
    options = [f"--config.file={folder}/config.yaml", f"--output={folder}/history.om", f"--from={start:.0f}"]
    labels = ["--label=job=flow", "--label=instance=backfill"]
    command = [COMMAND, "backfill", *options, f"--to={end:.0f}", *labels]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    imported = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "history.om")]
    subprocess.run([*imported, str(folder / "tsdb")], check=True, capture_output=True, timeout=120)


def judgement(at: float) -> Judgement:
    """Return how deadlines are judged: one that passes at a moment is missed by then."""
    return Judgement(within=_within, at=at + 0.001, searched=True)


def told(prometheus: Prometheus, at: float) -> Samples:
    """Return what Prometheus tells of a moment, but for zeros, what is no number, and the configured targets."""
    samples = flow_samples(prometheus.query('{__name__=~"bkmonitor_flow_.+",job="flow"}', at=at))
    return {
        key: value
        for key, value in samples.items()
        if key[0] != "bkmonitor_flow_ack_target_seconds" and not isnan(value)
    }


def true_history(truth: Mapping[str, Any]) -> Samples:
    """Return what a simulator's truth asks for, the gauges of single alerts left out."""
    samples = true_samples(truth, "sim", BOUNDS, labelled=lambda alert: {"team": SEVERITIES[alert["severity"]]})
    return {key: value for key, value in samples.items() if not key[0].endswith(NOT_WRITTEN)}


def _within(alert: Alert) -> float | None:
    return TARGETS.get(SEVERITIES[alert.severity])


def _is_rolling(name: str) -> bool:
    return any(f"'{label}': '{operate}'" in name for label, operate in ROLLING)
