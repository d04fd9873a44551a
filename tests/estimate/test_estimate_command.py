"""`estimate`: what it prints, with which code it ends, and whether it is right about what is served then."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from prometheus_client.parser import text_string_to_metric_families

from exporter.cli import main
from exporter.metrics import FLOW_FAMILIES
from exporter.simulator import Dialect, Row, Simulator, SimulatorSettings, life_of
from tests.blueking.loopback import closed_port
from tests.e2e.harness import ExporterProcess, wait_until

SECRET = "a-secret-that-nobody-prints"
SOURCE = """\
  - name: {name}
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: {secret}, username: admin}}
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 8}}
    watch:
      - {{search: {{bk_biz_ids: [2]}}, labels: {{team: payments}}}}
      - {{search: {{bk_biz_ids: [-1]}}, labels: {{team: others}}}}
"""
MORE = """\
labels: [bk_biz_id, severity, strategy_id]
ack_targets: [{{match: {{severity: fatal}}, within: 5m}}, {{match: {{severity: warning}}, within: 45m}}]
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""
SMALL = """\
sim: 2 alert(s), 1 open; 2 search(es) for all that was open in the last 1h

metric                                           now  most  counted as (of 2 label sets)
bkmonitor_flow_records_total                       8    38  19 operates and statuses for each label set
bkmonitor_flow_anomaly_count                       1     1  1 for each open alert
bkmonitor_flow_time_to_ack_seconds                16    32  16 for each label set: 14 buckets, count and sum
bkmonitor_flow_time_to_first_action_seconds       30    30  15 for each label set: 13 buckets, count and sum
bkmonitor_flow_time_to_end_seconds                15    60  15 for each label set and outcome (2)
bkmonitor_flow_alerts_ended_total                  1    12  3 outcomes, acknowledged or not, for each label set
bkmonitor_flow_ack_deadlines_total                 6     6  3 for each of 2 label set(s) with a target
bkmonitor_flow_ack_target_seconds                  2     2  1 for each target
bkmonitor_flow_open_alerts                         8     8  4 for each label set: acknowledged or not, shielded or not
bkmonitor_flow_oldest_unacked_timestamp_seconds    0     2  1 for each label set
bkmonitor_flow_unacked_since_timestamp_seconds     0     1  1 for each open alert
bkmonitor_flow_alert_info                          1     1  1 for each open alert
"""
# What the estimate takes for the series of now, against what is served: logs lack rows, and some alerts have others.
NOW_WITHIN = (0.85, 1.2)


def run(config: Path, *options: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, ["estimate", f"--config.file={config}", *options])


@contextmanager
def simulated(folder: Path, **settings: Any) -> Iterator[Path]:
    """Give the config of a simulated source whose clock stands."""
    epoch = float(int(time.time()))
    lives = settings.pop("lives", None)
    world = SimulatorSettings(epoch=epoch, app_secret=SECRET, **settings)
    with Simulator(world, now=lambda: epoch, lives=lives) as simulator:
        path = folder / "config.yaml"
        source = SOURCE.format(name="sim", url=simulator.url, secret=SECRET)
        path.write_text("sources:\n" + source + MORE.format(folder=folder))
        yield path


def test_the_table_is_for_a_reader(tmp_path: Path) -> None:
    """What was seen, the series by metric and how they were counted, what each label costs, what is assumed."""
    created = int(time.time()) - 600
    acked = life_of(f"{created}00001", [Row(created, "CREATE"), Row(created + 60, "ACK")], severity=1)
    ended = life_of(f"{created}00002", [Row(created, "CREATE"), Row(created + 90, "RECOVER")], bk_biz_id=3)
    with simulated(tmp_path, lives=[acked, ended]) as config:
        result = run(config)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(SMALL)
    after = result.stdout.removeprefix(SMALL).splitlines()
    own, total = int(after[0].split()[3]), after[1].split()
    assert after[0].startswith("the exporter's own ")
    assert total == ["total", str(88 + own), str(193 + own)]
    assert after[3].split("  ")[0] == "label"
    assert {line.split()[0] for line in after[4:7]} == {"bk_biz_id", "severity", "team"}
    assert [line for line in after if line.startswith("warning")] == []
    assert any(line.startswith("  no log was asked for") for line in after)


def test_a_source_that_cannot_be_asked_ends_with_1_and_the_others_are_counted(tmp_path: Path) -> None:
    """It is named with its trouble, on standard error, without a secret; the table has the rest, and says that."""
    created = int(time.time()) - 600
    with simulated(tmp_path, lives=[life_of(f"{created}00001", [Row(created, "CREATE")])]) as config:
        down = SOURCE.format(name="down", url=closed_port(), secret=SECRET)
        config.write_text(config.read_text().replace("labels: [bk_biz_id", down + "labels: [bk_biz_id"))
        result = run(config, "--output=json")
        only_up = run(config, "--source=sim")

    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert result.stderr.startswith("down: search_alert: ")
    assert [(source["source"], source["alerts"]) for source in told["sources"]] == [("sim", 1), ("down", 0)]
    assert told["label_sets"] == 1
    assert told["warnings"] == ["down: not all alerts were seen, the estimate is too low"]
    assert SECRET not in result.output
    assert only_up.exit_code == 0


def test_a_source_that_the_config_lacks_ends_with_2(tmp_path: Path) -> None:
    """It says which there are."""
    with simulated(tmp_path, lives=[]) as config:
        result = run(config, "--source=simulator")

    assert result.exit_code == 2
    assert "the config has no source 'simulator'; it has sim" in result.stderr


def test_nothing_watched_is_said(tmp_path: Path) -> None:
    """An empty answer tells nothing of the series to come; that is no error."""
    with simulated(tmp_path, lives=[]) as config:
        result = run(config)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("warning: sim: the watches select no alert now")


def served(exporter: ExporterProcess) -> Counter[str]:
    """Return how many series each metric has, by the name that the estimate calls it."""
    count: Counter[str] = Counter()
    for family in text_string_to_metric_families(exporter.get("/metrics").text):
        count[f"{family.name}_total" if family.type == "counter" else family.name] = len(family.samples)
    return count


@pytest.mark.parametrize(
    ("dialect", "limits"),
    [("documented", ""), ("today", ""), ("today", "limits: {label_sets: 5, alert_series: 20}\n")],
)
def test_the_estimate_is_what_an_exporter_serves(tmp_path: Path, dialect: Dialect, limits: str) -> None:
    """No metric has more series than estimated at most; all together are near what is estimated for now."""
    with simulated(tmp_path, dialect=dialect, history=7200, alerts_per_hour=90) as config:
        config.write_text(config.read_text() + limits)
        told = json.loads(run(config, "--output=json").stdout)
        with ExporterProcess(config) as exporter:
            ready = ("bkmonitor_flow_time_to_end_seconds", "bkmonitor_flow_alerts_ended_total")
            wait_until(lambda: all(served(exporter)[name] for name in ready), within=60)
            series = served(exporter)

    assert [warning.split(" (")[0] for warning in told["warnings"]] == (
        ["limits.label_sets", "limits.alert_series"] if limits else []
    )
    rows = {row["metric"]: row for row in told["metrics"]}
    flow = {name: row for name, row in rows.items() if name.startswith("bkmonitor_flow_")}
    assert len(flow) == len(FLOW_FAMILIES)
    assert {name: (series[name], row["most"]) for name, row in flow.items() if series[name] > row["most"]} == {}
    now, most = (sum(row[key] for row in flow.values()) for key in ("now", "most"))
    is_served = sum(series[name] for name in flow)
    assert NOW_WITHIN[0] * is_served <= now <= NOW_WITHIN[1] * is_served
    assert is_served <= most <= 2 * is_served
    own = sum(count for name, count in series.items() if name not in flow)
    assert rows["the exporter's own"]["now"] == own
