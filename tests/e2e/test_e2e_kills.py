"""Every total equals the truth, whatever the dialect and the rhythm, and however often the process is killed."""

import math
import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter.simulated_watch import watch_file_kept, write_watch_file
from exporter.simulator import Dialect, Faults, Judgement, Simulator, SimulatorSettings
from tests.e2e.harness import (
    SEVERITIES,
    ExporterProcess,
    differences,
    flow_samples,
    true_samples,
    wait_until,
)
from tests.e2e.lively import BOUNDS, HISTOGRAMS, is_telling, target_samples

LIVE = 14.0  # seconds in which new things happen; deadlines pass also later, before anything is compared
KILLS = 5
# Acknowledgements take 1 to 6 s at this speed.
WITHIN_BY_TEAM = {"payments": 2.0, "infra": 3.0}
WITHIN_BY_SEVERITY = {1: 1.0, 2: 4.0}

CONFIG = f"""\
sources:
  - name: sim
    url: {{url}}
    auth: {{{{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}}}
    rate_limit: {{{{requests_per_second: 1000, burst: 1000, concurrency: 4}}}}
    watch: [{{{{files: [watch.json]}}}}]
poll: {{{{interval: {{interval}}, acked_interval: {{interval}}, settle: 3s}}}}
{HISTOGRAMS}ack_targets:
  - {{{{match: {{{{team: payments}}}}, within: 2s}}}}
  - {{{{match: {{{{team: infra}}}}, within: 3s}}}}
ledger: {{{{url: "sqlite:///{{folder}}/flow.db"}}}}
web: {{{{birth_hold: {{birth_hold}}}}}}
"""


@pytest.mark.parametrize(
    ("interval", "birth_hold", "faults"),
    [
        ("300ms", "0s", Faults()),
        ("1s", "1s", Faults(late_rows=0.1, late_seconds=2, lost_rows=0.05)),
        ("2s", "0s", Faults(http_500=0.1, cut_json=0.05, esb_rate=0.02, reset=0.05, retry_after=1)),
    ],
    ids=["quick", "late-and-lost-rows", "half-broken-server"],
)
@pytest.mark.parametrize("dialect", ["documented", "today"])
def test_totals_equal_the_truth_after_kills(
    dialect: Dialect, interval: str, birth_hold: str, faults: Faults, tmp_path: Path
) -> None:
    """Whole lives, polled at some rhythm by a process that is killed at random moments, add up to the truth."""
    seed = time.time_ns()
    print(f"kills drawn with seed {seed}")  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)
    epoch = time.time()
    settings = SimulatorSettings(
        dialect=dialect, epoch=epoch, history=60, alerts_per_hour=3000, speed=150, faults=faults
    )
    config = tmp_path / "config.yaml"
    with Simulator(settings, now=lambda: min(time.time(), epoch + LIVE)) as simulator:
        config.write_text(CONFIG.format(url=simulator.url, folder=tmp_path, interval=interval, birth_hold=birth_hold))
        with watch_file_kept(tmp_path / "watch.json", simulator.world, time.time):
            for kill_at in sorted(chance.uniform(0, LIVE) for _ in range(KILLS)):
                with ExporterProcess(config, wait=False):
                    wait_until(lambda: time.time() >= epoch + kill_at, within=LIVE)  # noqa: B023 - called here only
            wait_until(lambda: time.time() > epoch + LIVE, within=LIVE)
        write_watch_file(tmp_path / "watch.json", simulator.world, epoch + LIVE)
        judgement = Judgement(within=lambda alert: WITHIN_BY_TEAM.get(alert.team), at=math.inf)
        truth = true_samples(simulator.world.truth(epoch + LIVE, judgement), "sim", BOUNDS)
        truth |= target_samples("team", WITHIN_BY_TEAM)
        assert is_telling(truth)

        with ExporterProcess(config) as exporter:
            wait_until(lambda: not differences(flow_samples(exporter.samples()), truth), within=40)
            assert differences(flow_samples(exporter.samples()), truth) == {}
        with ExporterProcess(config) as exporter:
            threading.Event().wait(3)
            assert differences(flow_samples(exporter.samples()), truth) == {}
            assert not any(value for (name, _), value in exporter.samples().items() if "records_rejected" in name)
            assert exporter.stop() == 0


SEARCHED = f"""\
sources:
  - name: sim
    url: {{url}}
    auth: {{{{app_code: flow-exporter, app_secret: not-a-secret, username: admin, placement: {{placement}}}}}}
    rate_limit: {{{{requests_per_second: 1000, burst: 1000, concurrency: 4}}}}
    watch: [{{{{search: {{{{bk_biz_ids: [-1]}}}}, labels: {{{{team: all}}}}}}}}]
poll: {{{{interval: 500ms, acked_interval: 500ms, refresh: 1s, settle: 3s}}}}
labels: [severity, bk_biz_id]
{HISTOGRAMS}ack_targets:
  - {{{{match: {{{{severity: fatal}}}}, within: 1s}}}}
  - {{{{match: {{{{severity: warning}}}}, within: 4s}}}}
ledger: {{{{url: "sqlite:///{{folder}}/flow.db"}}}}
web: {{{{birth_hold: 0s}}}}
"""


@pytest.mark.parametrize(("dialect", "placement"), [("documented", "params"), ("today", "header")])
def test_totals_equal_the_truth_when_alerts_are_found_by_search(
    dialect: Dialect, placement: str, tmp_path: Path
) -> None:
    """Nobody lists an alert: searches find them, logs are asked when something changed, and nothing is missed."""
    seed = time.time_ns()
    print(f"kills drawn with seed {seed}")  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)
    epoch = time.time()
    settings = SimulatorSettings(dialect=dialect, epoch=epoch, history=60, alerts_per_hour=3000, speed=150)
    config = tmp_path / "config.yaml"
    with Simulator(settings, now=lambda: min(time.time(), epoch + LIVE)) as simulator:
        config.write_text(SEARCHED.format(url=simulator.url, folder=tmp_path, placement=placement))
        for kill_at in sorted(chance.uniform(0, LIVE) for _ in range(KILLS)):
            with ExporterProcess(config, wait=False):
                wait_until(lambda: time.time() >= epoch + kill_at, within=LIVE)  # noqa: B023 - called here only
        wait_until(lambda: time.time() > epoch + LIVE, within=LIVE)
        judgement = Judgement(within=lambda alert: WITHIN_BY_SEVERITY.get(alert.severity), at=math.inf, searched=True)
        truth = true_samples(simulator.world.truth(epoch + LIVE, judgement), "sim", BOUNDS, labelled=as_searched)
        truth |= target_samples("severity", {SEVERITIES[n]: within for n, within in WITHIN_BY_SEVERITY.items()})
        assert is_telling(truth)

        with ExporterProcess(config) as exporter:
            wait_until(lambda: not differences(flow_samples(exporter.samples()), truth), within=40)
            assert differences(flow_samples(exporter.samples()), truth) == {}
            assert exporter.stop() == 0


def as_searched(alert: Mapping[str, Any]) -> dict[str, object]:
    """Return the labels of an alert that the search found: its own fields, and the watch's."""
    return {"team": "all", "severity": SEVERITIES[alert["severity"]], "bk_biz_id": alert["bk_biz_id"]}
