"""An alert that nobody acknowledged reaches a real Alertmanager by a real Prometheus, and leaves it as it should."""

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from exporter.simulator import Life, Row, Simulator, SimulatorSettings, life_of
from tests.e2e.alertmanager import Alertmanager, FiringAlert, running_alertmanager
from tests.e2e.harness import COMMAND, ExporterProcess, wait_until
from tests.e2e.prometheus import Prometheus, free_port, running_prometheus

UNACKED, DOWN = "BKMonitorFlowAlertUnacked", "BKMonitorFlowExporterDown"
TARGET = 8  # seconds within which a fatal alert is to be acknowledged
KNOWN = 'source:bkmonitor_flow_known_until_timestamp_seconds:max{job="flow"}'
PATIENCE = 40.0
CONFIG = """\
sources:
  - name: sim
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 4}}
    timeout: 2s
    watch: [{{search: {{bk_biz_ids: [-1]}}, labels: {{team: infra}}}}]
poll: {{interval: 300ms, acked_interval: 300ms, refresh: 1s, settle: 200ms}}
ack_targets:
  - {{match: {{severity: fatal}}, within: {target}s, objective: 0.99}}
  - {{match: {{severity: warning}}, within: 1h, objective: 0.95}}
ledger: {{url: "sqlite:///{folder}/flow.db"}}
web: {{birth_hold: 0, alert_url: "https://bk.example.com/?bizId={{bk_biz_id}}#/event-center/detail/{{alert_id}}"}}
"""


class Day:
    """A simulated day with two alerts that nobody acknowledges in time, and others that are none of the kind.

    Its clock is the real one, but stands still before the moment at which somebody acknowledges `late`, until told.
    """

    def __init__(self) -> None:
        self.born = int(time.time()) + 1
        self._acked_at = self.born + TARGET + 1
        self._is_late_acked = threading.Event()
        lives = self._lives()
        self.late, self.never = (life.alert.id for life in lives[:2])
        self.simulator = Simulator(SimulatorSettings(), now=self._now, lives=lives)

    def acknowledge_late(self) -> None:
        """Let the acknowledgement of `late` happen."""
        self._is_late_acked.set()

    def _now(self) -> float:
        return time.time() if self._is_late_acked.is_set() else min(time.time(), self._acked_at - 1)

    def _lives(self) -> Sequence[Life]:
        return (
            self._life(1, Row(self._acked_at, "ACK")),
            self._life(2),
            self._life(3, Row(self.born + 3, "ACK")),
            self._life(4, Row(self.born + 3, "RECOVER")),
            self._life(5, is_shielded=True),
            self._life(6, severity=2),
        )

    def _life(self, number: int, *rows: Row, severity: int = 1, is_shielded: bool = False) -> Life:
        told = (Row(self.born, "CREATE"), Row(self.born + 1, "ACTION"), *rows)
        return life_of(f"{self.born}{number:05}", told, severity=severity, is_shielded=is_shielded)


@dataclass(frozen=True, slots=True)
class Stack:
    """All that stands between a flow log and a pager."""

    day: Day
    config: Path
    address: str
    exporter: ExporterProcess
    prometheus: Prometheus
    alertmanager: Alertmanager

    def unacked(self) -> dict[str, FiringAlert]:
        """Return what fires for want of an acknowledgement, by alert id."""
        return {alert.labels["alert_id"]: alert for alert in self.alertmanager.firing(UNACKED)}

    def expect_unacked(self, *alert_ids: str) -> dict[str, FiringAlert]:
        """Wait until these alerts and no others fire for want of an acknowledgement, and return them."""
        wait_until(lambda: self.unacked().keys() == set(alert_ids), PATIENCE)
        unacked = self.unacked()
        assert unacked.keys() == set(alert_ids), unacked
        return unacked


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Give a stack at work on a new day; it ends with the block."""
    day, config = Day(), folder / "config.yaml"
    with day.simulator:
        config.write_text(CONFIG.format(url=day.simulator.url, target=TARGET, folder=folder))
        rules = write_rules(config, folder / "rules.yml")
        # A port that is chosen by the system cannot be taken again at once, and one test does.
        address = f"127.0.0.1:{free_port()}"
        with running_alertmanager(folder) as alertmanager, exporter_at(address, config) as exporter:
            target = alertmanager.url.removeprefix("http://")
            alerting = f'alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{target}"]}}]}}]}}\n'
            with running_prometheus(folder, exporter.url, more=f"{alerting}rule_files: [{rules}]\n") as prometheus:
                yield Stack(day, config, address, exporter, prometheus, alertmanager)


def exporter_at(address: str, config: Path) -> ExporterProcess:
    """Return an exporter that listens there."""
    return ExporterProcess(config, f"--web.listen-address={address}")


def write_rules(config: Path, rules: Path) -> Path:
    """Write the rules that the command prints; that the exporter is down fires after seconds rather than minutes."""
    printed = subprocess.run([COMMAND, "rules", f"--config.file={config}"], capture_output=True, text=True, check=True)
    document = yaml.safe_load(printed.stdout)
    (down,) = (rule for group in document["groups"] for rule in group["rules"] if rule.get("alert") == DOWN)
    down["for"] = "3s"
    rules.write_text(yaml.safe_dump(document))
    return rules


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Give a stack at work."""
    with running_stack(tmp_path) as running:
        yield running


def test_an_unacked_alert_reaches_alertmanager_and_leaves_it_when_it_is_acknowledged(stack: Stack) -> None:
    """It fires past its target, one for each alert, with all that an on-call person needs, until somebody has it."""
    day = stack.day

    fired = stack.expect_unacked(day.late, day.never)

    late = fired[day.late]
    assert late.labels == {
        "alertname": UNACKED,
        "severity": "critical",
        "bk_severity": "fatal",
        "ack_target": "severity=fatal",
        "alert_id": day.late,
        "alert_name": f"alert {day.late}",
        "bk_biz_id": "2",
        "team": "infra",
        "source": "sim",
        "job": "flow",
    }
    assert late.annotations["alert_url"] == f"https://bk.example.com/?bizId=2#/event-center/detail/{day.late}"
    assert late.annotations["summary"] == f"alert {day.late}: not acknowledged within {TARGET}s"
    assert min(alert.starts_at for alert in fired.values()) > day.born + TARGET

    day.acknowledge_late()

    assert stack.expect_unacked(day.never)[day.never].starts_at == fired[day.never].starts_at
    assert stack.alertmanager.firing(DOWN) == []


def test_an_outage_of_the_exporter_neither_resolves_nor_repeats_an_ack_alert(stack: Stack) -> None:
    """While nothing is known, what fires goes on and the outage fires as well; afterwards fresh data decide again."""
    day = stack.day
    before = stack.expect_unacked(day.late, day.never)

    assert stack.exporter.stop() == 0
    day.acknowledge_late()

    wait_until(lambda: bool(stack.alertmanager.firing(DOWN)), PATIENCE)
    (down,) = stack.alertmanager.firing(DOWN)
    assert down.labels == {"alertname": DOWN, "severity": "critical", "job": "flow", "instance": stack.address}
    assert stack.prometheus.query(KNOWN) == {}
    assert stack.unacked() == before

    with exporter_at(stack.address, stack.config):
        after = stack.expect_unacked(day.never)
        wait_until(lambda: stack.alertmanager.firing(DOWN) == [], PATIENCE)

    assert stack.alertmanager.firing(DOWN) == []
    assert after[day.never].starts_at == before[day.never].starts_at
