"""The rules in the box: as they are made, as they are tested, as they are documented."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from exporter.config import load_config
from exporter.metrics import OwnMetrics
from exporter.metrics.families import FLOW_FAMILIES, OWN_FAMILIES
from exporter.rules import RUNBOOKS, rules_document
from tests.metrics.moments import make_moment
from tests.rules.documents import BUNDLED, PROMETHEUS, TOP, groups_in, promtool, rules_in

TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
ALERTS = sorted({str(rule["alert"]) for rule in rules_in(BUNDLED) if "alert" in rule})
RECORDS = sorted({str(rule["record"]) for rule in rules_in(BUNDLED) if "record" in rule})
OF_PROMETHEUS = {"ALERTS", "up"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def test_the_bundled_rules_are_those_of_the_bundled_config() -> None:
    """What lies in prometheus/rules is what `rules` prints for prometheus/config.yaml."""
    made = rules_document(load_config(PROMETHEUS / "config.yaml", {}))

    assert BUNDLED.read_text(encoding="utf-8") == made


def test_the_bundled_targets_are_those_that_the_example_proposes() -> None:
    """The first target of prometheus/config.yaml stands in config.example.yaml, where it is a comment."""
    target = load_config(PROMETHEUS / "config.yaml", {}).ack_targets[0]
    (proposed,) = re.findall(r"(?m)^# (ack_targets: .*?\])", (TOP / "config.example.yaml").read_text(encoding="utf-8"))

    (given,) = yaml.safe_load(proposed)["ack_targets"]
    assert (given["match"], given["objective"]) == (target.match, target.objective)


def test_promtool_takes_the_bundled_rules() -> None:
    """Not even its linter has anything to say."""
    assert promtool("check", "rules", "--lint=all", "--lint-fatal", BUNDLED) == ""


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_the_bundled_rules_do_as_their_tests_say(tests: Path) -> None:
    """Each alert fires when it should, and is silent when it should not."""
    assert promtool("test", "rules", tests) == ""


def test_promtool_takes_the_example_config() -> None:
    """The example Prometheus config is right, and finds the bundled rules."""
    assert promtool("check", "config", PROMETHEUS / "prometheus.example.yml") == ""


def expectations() -> Iterator[tuple[str, bool]]:
    """Yield of each test of an alert which one it is and whether it is to fire."""
    for path in TESTS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in test.get("alert_rule_test", ()):
                yield case["alertname"], bool(case["exp_alerts"])


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_seen_to_fire_and_to_be_silent(alert: str) -> None:
    """No alert is without tests of both kinds."""
    assert {fires for name, fires in expectations() if name == alert} == {True, False}


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_the_groups_are_tested_in_their_order(tests: Path) -> None:
    """A test that leaves the order of the groups to chance would pass by chance."""
    assert yaml.safe_load(tests.read_text(encoding="utf-8"))["group_eval_order"] == groups_in(BUNDLED)


def exposed_names() -> set[str]:
    """Return the names of all samples that the exporter serves."""
    moment = make_moment()
    families: Iterable[Metric] = [f.build(moment) for f in (*FLOW_FAMILIES, *OWN_FAMILIES)]
    metrics = [*families, *OwnMetrics("1").collect()]
    return {f"{metric.name}{suffix}" for metric in metrics for suffix in SUFFIXES.get(metric.type, ("",))}


def used_names(expr: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    without_texts = re.sub(r'"(\\.|[^"\\])*"', "", expr)
    return set(re.findall(r"[a-zA-Z_:]*(?:bkmonitor_flow|process_)[\w:]*|\bALERTS\b|\bup\b", without_texts))


def test_every_series_that_a_rule_reads_is_served_or_recorded() -> None:
    """A rule on a name that nobody tells would be silent for ever."""
    known = exposed_names() | set(RECORDS) | OF_PROMETHEUS
    used = set().union(*(used_names(rule["expr"]) for rule in rules_in(BUNDLED)))

    assert used - known == set()
    assert len(used & exposed_names()) > 15


@pytest.mark.parametrize("record", RECORDS)
def test_a_recorded_name_tells_level_metric_and_operations(record: str) -> None:
    """As Prometheus recommends: level:metric:operations."""
    assert re.fullmatch(r"[a-z_]+:bkmonitor_flow_[a-z_]+:[a-z0-9_]+", record)


@pytest.mark.parametrize("rule", [rule for rule in rules_in(BUNDLED) if "alert" in rule], ids=lambda r: r["alert"])
def test_an_alert_says_what_how_bad_and_what_to_do(rule: dict[str, Any]) -> None:
    """Summary, description, runbook and severity, none of them empty."""
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert all(rule["annotations"].values())
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOKS}/{rule['alert']}.md"
    assert set(re.findall("critical|warning", rule["labels"]["severity"])) != set()


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_its_runbook(alert: str) -> None:
    """It says what it means, why it may be, what to do, and how to silence it."""
    runbook = (TOP / "docs" / "runbooks" / f"{alert}.md").read_text(encoding="utf-8")

    assert re.findall(r"(?m)^#+ (.*)", runbook) == [alert, "Meaning", "Likely causes", "What to do", "Silencing"]


def test_there_is_no_runbook_without_an_alert() -> None:
    """An alert that was renamed took its runbook with it."""
    assert sorted(path.stem for path in (TOP / "docs" / "runbooks").iterdir()) == ALERTS


def test_docs_rules_has_every_rule_and_no_other() -> None:
    """docs/rules.md has a row for each alert and for each recorded series."""
    rows = re.findall(r"(?m)^\| (?:\[`([^`]+)`\]|`([^`]+)`)", (TOP / "docs" / "rules.md").read_text(encoding="utf-8"))
    named = {name for row in rows for name in row if name}

    windows = {re.sub(r"(5m|30m|1h|6h|3d|1d)$", "", record) for record in RECORDS}
    assert {re.sub(r"(\{.*\}|5m|30m|1h|6h|3d|1d)$", "", name) for name in named} == {*ALERTS, *windows}
