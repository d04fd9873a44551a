"""Reloads that come thick and fast: under load, in a storm, while the process starts and while it stops."""

import copy
import itertools
import math
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from exporter.simulated_watch import watch_file_kept, write_watch_file
from exporter.simulator import Judgement, Simulator, SimulatorSettings
from tests.e2e.bad_days import Clothes, Deployment, expect_right, running, watch_for, write_config
from tests.e2e.harness import ExporterProcess, differences, flow_samples, true_samples, wait_until
from tests.e2e.reloading import LIFECYCLE, Config, change, post, reload_by_signal, reloads, watched

BOUNDS = (1.0, 2.0, 5.0, 10.0, 20.0)
LIVE = 14.0
_SLACK = 10  # connections and the web server's threads come and go; fifty reloads that leak one each are many more


def variants(base: Config, other: Mapping[str, object]) -> Iterator[Config]:
    """Yield configs that differ from `base` in what may change without another count, and a bad one, for ever."""
    for number in itertools.count():
        configs = [copy.deepcopy(base) for _ in range(7)]
        quick, connected, joined, limited, watching, bad, shown = configs
        quick["poll"]["interval"] = 0.2 + number % 3 / 10
        connected["sources"][0]["headers"] = {"X-Round": str(number)}
        joined["sources"].append(dict(other))
        limited["sources"][0]["rate_limit"] = {"requests_per_second": 500, "burst": 500, "concurrency": 7}
        watching["sources"][0]["watch"].append({"alerts": [f"1700000000{number}"]})
        bad["poll"]["interval"] = "ten"
        shown["limits"]["alert_series"] = 5000 + number
        yield from configs


@pytest.mark.parametrize("way", ["files", "search"])
def test_totals_equal_the_truth_whatever_is_reloaded_under_load(way: str, tmp_path: Path) -> None:
    """A config that changes several times a second while alerts live at 150 times their pace costs no count."""
    seed = time.time_ns()
    print(f"reloads drawn with seed {seed}")  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)
    epoch = time.time()
    watch = {"files": ["watch.json"]} if way == "files" else {"search": {"bk_biz_ids": [-1]}, "labels": {"team": "all"}}
    settings = SimulatorSettings(dialect="today", epoch=epoch, history=60, alerts_per_hour=3000, speed=150)
    config = tmp_path / "config.yaml"
    with Simulator(settings, now=lambda: min(time.time(), epoch + LIVE)) as simulator:
        base = config_of(simulator.url, watch, tmp_path)
        other = {**base["sources"][0], "name": "other", "watch": [{"alerts": ["1700000000"]}]}
        config.write_text(yaml.safe_dump(base))
        with (
            watch_file_kept(tmp_path / "watch.json", simulator.world, time.time),
            ExporterProcess(config, LIFECYCLE) as exporter,
        ):
            made = 0
            for variant in variants(base, other):
                if time.time() > epoch + LIVE:
                    break
                config.write_text(yaml.safe_dump(variant))
                if chance.random() < 0.5:
                    assert post(exporter).status_code == (500 if variant["poll"]["interval"] == "ten" else 200)
                else:
                    reload_by_signal(exporter)
                made += 1
            config.write_text(yaml.safe_dump(base))
            assert post(exporter).status_code == 200
            write_watch_file(tmp_path / "watch.json", simulator.world, epoch + LIVE)
            judgement = Judgement(within=lambda _: None, at=math.inf, searched=way == "search")
            labelled = (lambda alert: {"team": alert["team"]}) if way == "files" else (lambda _: {"team": "all"})
            truth = true_samples(simulator.world.truth(epoch + LIVE, judgement), "sim", BOUNDS, labelled=labelled)
            wait_until(lambda: not differences(flow_samples(exporter.samples()), truth), within=40)

            assert differences(flow_samples(exporter.samples()), truth) == {}
            assert made >= 7  # each kind of change at least once
            assert exporter.stop() == 0


def config_of(url: str, watch: Mapping[str, object], folder: Path) -> Config:
    """Return the config of one source in which all goes fast."""
    source = {
        "name": "sim",
        "url": url,
        "auth": {"app_code": "flow-exporter", "app_secret": "not-a-secret", "username": "admin"},
        "rate_limit": {"requests_per_second": 1000, "burst": 1000, "concurrency": 4},
        "watch": [dict(watch)],
    }
    return {
        "sources": [source],
        "poll": {"interval": 0.3, "acked_interval": 0.3, "refresh": 1, "settle": 3},
        "labels": [],
        "histograms": {f"time_to_{event}": list(BOUNDS) for event in ("ack", "first_action", "end")},
        "limits": {"alert_series": 5000},
        "ledger": {"url": f"sqlite:///{folder}/flow.db"},
        "web": {"birth_hold": 0},
    }


def resources(exporter: ExporterProcess) -> tuple[int, int]:
    """Return how many threads and open files a process has."""
    process = Path(f"/proc/{exporter.pid}")
    return len(os.listdir(process / "task")), len(os.listdir(process / "fd"))  # noqa: PTH208 - names only, all at once


def test_a_storm_of_reloads_leaks_nothing(tmp_path: Path) -> None:
    """Fifty reloads in a row, each of which connects anew, and twenty at once leave no thread and no file open."""
    with watched(tmp_path, "prod", "test") as (exporter, deployments, config):
        post(exporter)
        threads, files = resources(exporter)
        for number in range(50):
            change(config, lambda document: document["sources"][0].update(headers={"X-Round": str(number)}))  # noqa: B023
            assert post(exporter).status_code == 200
        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(lambda _: post(exporter).status_code, range(20))) == {200}

        def is_small_again() -> bool:
            exporter.get("/-/healthy")  # the web server looks after closed connections when there is a new one
            now = resources(exporter)
            return max(now[0] - threads, now[1] - files) < _SLACK

        wait_until(is_small_again, within=20)
        assert is_small_again(), (resources(exporter), (threads, files))
        for deployment in deployments:
            deployment.become_evening()
        expect_right(exporter, deployments)


def catches_hangups(exporter: ExporterProcess) -> bool:
    """Whether a process has taken SIGHUP into its own hands."""
    status = Path(f"/proc/{exporter.pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (signal.SIGHUP - 1))


def test_hangups_during_start_and_stop_do_no_harm(tmp_path: Path) -> None:
    """Those that come before it listens are one reload, those that come while it stops are none; it ends with 0."""
    prod = Deployment("prod", Clothes.ESB)
    with running([prod]):
        config = write_config(tmp_path, [prod.source()])
        with ExporterProcess(config, wait=False) as exporter:
            wait_until(lambda: catches_hangups(exporter), within=20)
            for _ in range(20):
                exporter.signal(signal.SIGHUP)
            wait_until(lambda: reloads(exporter) > 0, within=20)
            assert reloads(exporter) > 0
            exporter.signal(signal.SIGTERM)
            for _ in range(200):
                exporter.signal(signal.SIGHUP)
                watch_for(0.005)

            assert exporter.wait() == 0
            assert any("msg=stopped" in line for line in exporter.log)
