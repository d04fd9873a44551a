"""Rules for other configs: whatever targets and labels are, Prometheus takes them, and each alert has one target."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.rules import RUNBOOKS
from tests.rules.documents import document_of, groups_in, promtool, rules_in

TARGETS = """\
ack_targets:
  - {match: {team: "pay\\"ments {{ x }} 🔥", severity: fatal}, within: 90s, objective: 0.999}
  - {match: {severity: fatal}, within: 5m, objective: 0.99}
  - {match: {team: "pay\\"ments {{ x }} 🔥"}, within: 1h30m, objective: 0.8}
  - {match: {source: prod, severity: warning, region: north}, within: 500.5, objective: 0.2}
  - {match: {}, within: 1d, objective: 1}
"""
CONFIGS = {
    "no targets": "",
    "one target for all": "ack_targets: [{within: 10m}]",
    "many targets": TARGETS,
    "no labels": "labels: []\nack_targets: [{within: 10m}]",
    "other labels": "labels: [strategy_name, category, alert_name]\nack_targets: [{match: {category: os}, within: 5m}]",
    "an objective of everything": "ack_targets: [{within: 10m, objective: 1}]",
    "a page of an alert": 'web: {alert_url: "https://x.example.com/{alert_id}?{{a}}={bk_biz_id}&s={severity}"}\n'
    + TARGETS,
    "slow polls": "poll: {interval: 1h, acked_interval: 3h, settle: 2m}\nack_targets: [{within: 10m}]",
}


@pytest.mark.parametrize("more", CONFIGS.values(), ids=CONFIGS)
def test_promtool_takes_the_rules_of_any_config(more: str, tmp_path: Path) -> None:
    """One document that Prometheus loads as it is; its linter finds no two rules alike."""
    document = document_of(tmp_path, more)

    assert promtool("check", "rules", "--lint=all", "--lint-fatal", document) == ""


def test_without_targets_there_are_no_rules_about_acknowledging_in_time(tmp_path: Path) -> None:
    """The rest is there, and the head of the file says so."""
    document = document_of(tmp_path)

    alerts = {rule["alert"] for rule in rules_in(document) if "alert" in rule}
    assert {alert for alert in alerts if "Ack" in alert or "Unacked" in alert} == set()
    assert "BKMonitorFlowSourceDown" in alerts
    assert "none, so there are no rules about acknowledging in time" in document.read_text(encoding="utf-8")


def test_an_objective_of_everything_has_nothing_to_burn(tmp_path: Path) -> None:
    """Each miss has its own alert; the share of an error budget of nothing is no number."""
    alerts = [
        rule["alert"]
        for rule in rules_in(document_of(tmp_path, CONFIGS["an objective of everything"]))
        if "alert" in rule
    ]

    assert "BKMonitorFlowAlertUnacked" in alerts
    assert [alert for alert in alerts if "Burning" in alert] == []


def test_a_low_objective_can_be_seen_to_burn(tmp_path: Path) -> None:
    """No limit on a ratio is 1 or more, and none is what the objective allows or less."""
    rules = rules_in(document_of(tmp_path, "ack_targets: [{within: 10m, objective: 0.8}]"))
    limits = {
        float(limit)
        for rule in rules
        if "Burning" in rule.get("alert", "")
        for limit in re.findall(r"ratio_increase\w+\{[^}]*\} > ([0-9.]+)", rule["expr"])
    }

    assert limits == {0.2, 0.9}


def test_routing_labels_come_from_the_match(tmp_path: Path) -> None:
    """Alertmanager can route an objective's alerts by what its target matches; braces are no template."""
    rules = rules_in(document_of(tmp_path, TARGETS))

    labels = [rule["labels"] for rule in rules if rule.get("alert") == "BKMonitorFlowAckLatencyHigh"]
    assert labels[0]["team"] == 'pay"ments {{ "{" }}{{ "{" }} x }} 🔥'
    assert labels[0]["bk_severity"] == "fatal"
    assert labels[3] == {
        "severity": "warning",
        "ack_target": "source=prod,severity=warning,region=north",
        "bk_severity": "warning",
        "region": "north",
    }
    assert labels[4] == {"severity": "warning", "ack_target": "all"}


UNIT_TEST = """\
rule_files: [rules.yml]
evaluation_interval: 1m
group_eval_order: {groups}
tests:
  - interval: 1m
    input_series:
      - {{series: 'process_start_time_seconds{{job="flow",instance="a"}}', values: 0x60}}
      - {{series: 'bkmonitor_flow_exporter_source_up{{job="flow",instance="a",source="prod"}}', values: 1x60}}
      - {{series: 'bkmonitor_flow_exporter_overdue_seconds{{job="flow",instance="a",source="prod"}}', values: 0x60}}
      - {{series: 'bkmonitor_flow_open_alerts{{job="flow",instance="a",source="prod"}}', values: 1x60}}
{series}
    alert_rule_test: []
    promql_expr_test:
      - expr: count by (alert_id, ack_target, severity, bk_severity) (ALERTS{{alertname="BKMonitorFlowAlertUnacked"}})
        eval_time: 50m
        exp_samples: {samples}
{more}"""
SINCE = 'bkmonitor_flow_unacked_since_timestamp_seconds{job="flow",instance="a",source="prod",%s}'


def unit_test(folder: Path, alerts: dict[str, str], samples: list[str], more: str = "") -> Path:
    """Return a test of promtool on rules.yml: of un-acked alerts by id, with their labels, some shall fire."""
    lines = [
        f"""      - {{series: '{SINCE % f'alert_id="{alert_id}",{labels}'}', values: 60x60}}"""
        for alert_id, labels in alerts.items()
    ]
    expected = yaml.safe_dump(
        [{"labels": labels, "value": 1} for labels in samples], default_flow_style=True, width=9999
    )
    path = folder / "test.yml"
    groups = groups_in(folder / "rules.yml")
    path.write_text(
        UNIT_TEST.format(groups=groups, series="\n".join(lines), samples=expected.strip(), more=more), encoding="utf-8"
    )
    return path


def test_the_first_target_that_matches_an_alert_is_its_own(tmp_path: Path) -> None:
    """As the exporter has it; targets that overlap neither fire twice nor leave an alert out."""
    document_of(tmp_path, TARGETS.replace("within: 1d", "within: 20m"))
    payments = r'team="pay\"ments {{ x }} 🔥"'
    alerts = {
        "1": f'severity="fatal",{payments}',
        "2": 'severity="fatal",team="others"',
        "3": f'severity="warning",{payments}',  # its target is an hour and a half, not the twenty minutes of all
        "4": 'severity="warning",region="north"',
        "5": 'severity="warning",region="south"',
        "6": 'bk_biz_id="3"',
    }
    team = '{alert_id="%s",ack_target="%s",bk_severity="%s",severity="%s"}'

    expected = [
        team % ("1", r"team=pay\"ments {{ x }} 🔥,severity=fatal", "fatal", "critical"),
        team % ("2", "severity=fatal", "fatal", "critical"),
        team % ("4", "source=prod,severity=warning,region=north", "warning", "warning"),
        team % ("5", "all", "warning", "warning"),
        '{alert_id="6",ack_target="all",severity="warning"}',
    ]
    assert promtool("test", "rules", unit_test(tmp_path, alerts, expected)) == ""


LINK_TEST = """\
  - interval: 1m
    input_series:
      - {{series: 'process_start_time_seconds{{job="flow",instance="a"}}', values: 0x60}}
      - {{series: 'bkmonitor_flow_exporter_source_up{{job="flow",instance="a",source="prod"}}', values: 1x60}}
      - {{series: 'bkmonitor_flow_exporter_overdue_seconds{{job="flow",instance="a",source="prod"}}', values: 0x60}}
      - {{series: 'bkmonitor_flow_open_alerts{{job="flow",instance="a",source="prod"}}', values: 1x60}}
      - {{series: '{series}', values: 60x60}}
    alert_rule_test:
      - eval_time: 50m
        alertname: BKMonitorFlowAlertUnacked
        exp_alerts:
          - exp_labels:
              {{job: flow, source: prod, alert_id: "7", alert_name: "a +b/ü", bk_severity: fatal, severity: critical,
              ack_target: all}}
            exp_annotations:
              summary: 'a +b/ü: not acknowledged within 10m'
              description: >-
                BlueKing alert 7 (a +b/ü) on prod is open, not shielded, and nobody acknowledged it within its target of
                10m. It was created at 1970-01-01 00:01:00 +0000 UTC.
              alert_url: 'https://x.example.com/{{x{{{{y}}}}#/7?n=a%20%2Bb%2F%C3%BC&s=fatal'
              runbook_url: {runbooks}/BKMonitorFlowAlertUnacked.md
"""


def test_an_alert_links_to_its_page(tmp_path: Path) -> None:
    """web.alert_url with its placeholders filled in: quoted, and with BlueKing's severity, not the rule's."""
    document_of(
        tmp_path,
        "labels: [alert_name, severity]\nack_targets: [{within: 10m}]\n"
        'web: {alert_url: "https://x.example.com/{{x{{{{y}}}}#/{alert_id}?n={alert_name}&s={severity}"}\n',
    )
    series = SINCE % 'alert_id="7",alert_name="a +b/ü",severity="fatal"'

    test = unit_test(tmp_path, {}, [], LINK_TEST.format(series=series, runbooks=RUNBOOKS))
    assert promtool("test", "rules", test) == ""
