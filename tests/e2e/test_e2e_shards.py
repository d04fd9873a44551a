"""Several exporters on one ledger: whatever becomes of them, of their connections and of the server, totals are true.

`CLUSTER_ALERTS` tells how many alerts there are at least, 5,000 for `make cluster`; `CLUSTER_SEED` repeats a run.
"""

import math
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import URL

from exporter.simulated_watch import watch_file_kept
from exporter.simulator import Judgement, Simulator, SimulatorSettings, World
from tests.e2e.cluster import SHARDS, Cluster, falls, told_by_two
from tests.e2e.harness import COMMAND, SEVERITIES, Samples, differences, true_samples, wait_until
from tests.e2e.lively import BOUNDS, HISTOGRAMS, is_telling, target_samples
from tests.ledger.cutting import Proxy, proxy_before
from tests.postgresql import PASSWORD, Server, running_server

ALERTS = int(os.environ.get("CLUSTER_ALERTS", "1200"))  # half of them listed, and the same ones found
MEMBERS = 4
HISTORY = 60.0  # seconds before the start
LIVE = 100.0  # seconds in which new things happen, at least
RATE, BURST = ALERTS / 30, 40  # of requests, to both sources
# Acknowledgements take 1 to 6 s. Each target is the bound of a bucket, or the buckets of both sources would differ.
WITHIN_BY_TEAM = {"payments": 2.0, "infra": 5.0, "all": 1.0}

SOURCE = f"""\
    url: {{url}}
    auth: {{{{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}}}
    rate_limit: {{{{requests_per_second: {RATE / 2}, burst: {BURST // 2}, concurrency: 8}}}}
"""
CONFIG = f"""\
shards: {SHARDS}
sources:
  - name: listed
{SOURCE}    watch: [{{{{files: [watch.json]}}}}]
  - name: found
{SOURCE}    watch: [{{{{search: {{{{bk_biz_ids: [-1]}}}}, labels: {{{{team: all}}}}}}}}]
poll: {{{{interval: 4s, acked_interval: 4s, refresh: 4s, settle: 5s}}}}
labels: [severity]
{HISTOGRAMS}ack_targets:
  - {{{{match: {{{{team: payments}}}}, within: 2s}}}}
  - {{{{match: {{{{team: infra}}}}, within: 5s}}}}
  - {{{{match: {{{{team: all}}}}, within: 1s}}}}
ledger: {{{{url: "{{ledger}}"}}}}
web: {{{{birth_hold: 0s}}}}
"""


@dataclass
class Stage:
    """The members, and what stands between them and their ledger: only the first one comes through the proxy."""

    cluster: Cluster
    server: Server
    proxy: Proxy
    chance: random.Random


class Asked:
    """How many requests the simulator got, looked at now and then."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/-/requests"
        self._looks: list[tuple[float, int]] = []
        self.look()

    def look(self) -> None:
        """Note how many there were by now."""
        endpoints = requests.get(self._url, timeout=60).json()["endpoints"]
        self._looks.append((time.monotonic(), sum(endpoints.values())))

    def beyond(self, rate: float) -> float:
        """Return how many more there were, between any two looks, than so many a second."""
        pairs = combinations(self._looks, 2)
        return max(after - before - rate * (until - since) for (since, before), (until, after) in pairs)

    def __str__(self) -> str:
        """Return how many there were in all, and in how many seconds."""
        (since, before), (until, after) = self._looks[0], self._looks[-1]
        return f"{after - before} requests in {until - since:.0f} s, of {RATE:.0f} a second at most"


def write_configs(folder: Path, simulator: str, database: URL, proxy_port: int) -> list[Path]:
    """Write a config for each member; they differ in the way to the ledger alone."""
    configs = []
    for number in range(MEMBERS):
        # The server hears soon of one that is stopped, or the test would take half a minute more.
        url = database.update_query_dict({"options": "-c idle_session_timeout=5s"})
        ledger = (url if number else url.set(port=proxy_port)).render_as_string(hide_password=False)
        configs.append(folder / f"member{number}.yaml")
        configs[-1].write_text(CONFIG.format(url=simulator, ledger=ledger))
    return configs


def true_totals(world: World, now: float) -> Samples:
    """Return what members should tell together when nothing happens any more after `now`."""
    listed = Judgement(within=lambda alert: WITHIN_BY_TEAM.get(alert.team), at=math.inf)
    found = Judgement(within=lambda _: WITHIN_BY_TEAM["all"], at=math.inf, searched=True)
    return (
        true_samples(world.truth(now, listed), "listed", BOUNDS)
        | true_samples(world.truth(now, found), "found", BOUNDS, labelled=as_found)
        | target_samples("team", WITHIN_BY_TEAM)
    )


def as_found(alert: Mapping[str, Any]) -> dict[str, object]:
    """Return the labels of an alert that the search found."""
    return {"team": "all", "severity": SEVERITIES[alert["severity"]]}


def check_ledger(config: Path) -> str:
    """Return what `ledger check` has to say."""
    command = [COMMAND, "ledger", "check", f"--config.file={config}"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return checked.stdout + checked.stderr


def kill_one(stage: Stage) -> None:
    """Another one starts in its place."""
    victim = stage.chance.choice(stage.cluster.members)
    victim.kill()
    stage.cluster.settle("one was killed", stage.cluster.others(victim))
    victim.start()
    stage.cluster.settle("one more started")


def stop_one(stage: Stage) -> None:
    """It hands over what it has."""
    victim = stage.chance.choice(stage.cluster.members)
    assert victim.stop() == 0
    stage.cluster.settle("one ended", stage.cluster.others(victim))
    victim.start()
    stage.cluster.settle("one more started")


def pause_one(stage: Stage) -> None:
    """It believes in its shards until it has asked the ledger."""
    victim = stage.chance.choice(stage.cluster.members)
    victim.process.signal(signal.SIGSTOP)
    stage.cluster.settle("one was paused", stage.cluster.others(victim))
    lost = victim.said("shards lost to other members")
    victim.process.signal(signal.SIGCONT)
    stage.cluster.settle("the paused one went on")
    assert victim.said("shards lost to other members") > lost


def cut_one_off(stage: Stage) -> None:
    """It cannot know who has its shards."""
    victim = stage.cluster.members[0]
    stage.proxy.cut_off()
    stage.cluster.settle("one was cut off", stage.cluster.others(victim))
    stage.proxy.is_away = False
    stage.cluster.settle("the one that was cut off came back")


def restart_server(stage: Stage) -> None:
    """Nobody has any shard by then, and all want theirs back."""
    before = {member: member.said("ledger is back") for member in stage.cluster.members}
    started = time.monotonic()
    stage.server.stop()
    stage.server.start()
    wait_until(lambda: all(member.said("ledger is back") > times for member, times in before.items()), within=60)
    stage.cluster.settle(f"the server was restarted, all were back {time.monotonic() - started:.1f} s later")


DISTURBANCES = (kill_one, stop_one, pause_one, cut_one_off, restart_server)


@pytest.mark.timeout(1800)
def test_totals_equal_the_truth_whatever_becomes_of_members(tmp_path: Path) -> None:
    """No alert is counted twice or not at all, and no scrape of any member takes back what another one told."""
    seed = int(os.environ.get("CLUSTER_SEED", time.time_ns()))
    print(f"disturbances drawn with seed {seed}")  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)
    epoch, ends_at = time.time(), [math.inf]

    def now() -> float:
        return min(time.time(), ends_at[0])

    per_hour = ALERTS / 2 / (HISTORY + LIVE) * 3600
    settings = SimulatorSettings(epoch=epoch, history=HISTORY, alerts_per_hour=per_hour, speed=150)
    with ExitStack() as closing:
        simulator = closing.enter_context(Simulator(settings, now=now))
        closing.enter_context(watch_file_kept(tmp_path / "watch.json", simulator.world, now))
        server = closing.enter_context(running_server())
        proxy = closing.enter_context(proxy_before(server.port))
        configs = write_configs(tmp_path, simulator.url, server.new_database(), proxy.port)
        cluster = Cluster(configs, closing)
        cluster.settle("all started")
        asked = Asked(simulator.url)
        for disturb in chance.sample(DISTURBANCES, len(DISTURBANCES)):
            disturb(Stage(cluster, server, proxy, chance))
            asked.look()
        wait_until(lambda: time.time() > epoch + LIVE, within=LIVE)
        ends_at[0] = time.time()
        truth = true_totals(simulator.world, ends_at[0])
        assert is_telling(truth)
        wait_until(lambda: not differences(cluster.samples(), truth), within=180)
        asked.look()
        print(f"{len(simulator.world.alerts(ends_at[0])) * 2} alerts, {asked}")  # noqa: T201
        assert differences(cluster.samples(), truth) == {}
        assert "sound" in check_ledger(configs[0])
        assert [member.stop() for member in cluster.members] == [0] * MEMBERS
    assert list(falls(cluster.scrapes)) == []
    assert list(told_by_two(cluster.scrapes)) == []
    # Each that starts has a burst of its own, and for a second or two members differ about how many they are.
    assert asked.beyond(RATE) <= 2 * BURST + 2 * RATE
    told = "".join(line for member in cluster.members for process in member.processes for line in process.log)
    assert (PASSWORD in told, "Traceback" in told) == (False, False)
