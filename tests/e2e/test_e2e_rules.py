"""The bundled rules on a real Prometheus: every query is answered, and what waits too long is told as it is."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.e2e.dashboards import Day, whole_day, within_of
from tests.e2e.harness import SEVERITIES, wait_until

UNACKED = "BKMonitorFlowAlertUnacked"
EMPTY: dict[str, str] = {}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Give a day with the bundled rules, all evaluated since its evening."""
    with whole_day(tmp_path_factory.mktemp("rules")) as day:
        # What a process tells in its first forty seconds may not be all there is, so the rules wait.
        wait_until(lambda: bool(answer(day, f'ALERTS{{alertname="{UNACKED}"}}')), within=90)
        since = time.time()
        wait_until(lambda: all(_evaluated_at(rule) > since + 2 for rule in rules_of(day)), within=30)
        yield day


def rules_of(day: Day) -> list[dict[str, Any]]:
    """Return every rule as Prometheus tells how it fares."""
    groups = requests.get(f"{day.prometheus.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _evaluated_at(rule: dict[str, Any]) -> float:
    moment = str(rule["lastEvaluation"]).partition(".")[0].rstrip("Z")
    return time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%S")) - time.timezone


def answer(day: Day, expr: str) -> list[dict[str, Any]]:
    """Return what a query gets now; raises what Prometheus minds."""
    told = requests.post(f"{day.prometheus.url}/api/v1/query", data={"query": expr}, timeout=20).json()
    assert told["status"] == "success", told
    return list(told["data"]["result"])


def test_no_rule_is_an_error(day: Day) -> None:
    """Each is evaluated, and by itself it is a query that Prometheus answers."""
    rules = rules_of(day)

    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []
    assert len([answer(day, rule["query"]) for rule in rules]) == len(rules) > 40


def test_no_recording_rule_is_empty(day: Day) -> None:
    """Each records something, but for those listed with a reason."""
    recorded = {rule["name"] for rule in rules_of(day) if rule["type"] == "recording"}

    assert {name for name in recorded if not answer(day, name)} == EMPTY.keys()


def test_what_waits_longer_than_its_target_fires(day: Day) -> None:
    """One alert for each of them, by its id; nothing is wrong with the exporter."""
    firing = {series["metric"]["alert_id"] for series in answer(day, f'ALERTS{{alertname="{UNACKED}"}}')}

    assert past_target(day, by=90) <= firing <= past_target(day, by=30)  # the rule grants a poll and what settles
    assert len(firing) > 1
    assert answer(day, 'ALERTS{alertname=~"BKMonitorFlow(Exporter|Source|Config|Timezone|Series).*"}') == []


def past_target(day: Day, by: float) -> set[str]:
    """Return the alerts that should have been acknowledged more than so many seconds ago."""
    now = time.time()
    targets = {alert["id"]: within_of(SEVERITIES[alert["severity"]]) for alert in day.waiting()}
    return {
        alert["id"]
        for alert in day.waiting()
        if (within := targets[alert["id"]]) is not None and now - alert["created_at"] > within + by
    }
