"""`dashboards` writes what fits a config: its labels, its ack targets, its address of BlueKing."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from exporter.cli import main
from exporter.dashboards import bundled
from grafana.queries import everything, filled, panels, queries

URL = "https://bk.example.com/w?b={bk_biz_id}&s={source}#/alert/{alert_id}"
TARGETS = [
    {"match": {"squad": "core"}, "within": "90s", "objective": 1},
    {"match": {"severity": "fatal", "squad": "web"}, "within": "10m"},
    {"match": {}, "within": "1h", "objective": 0.9},
]


def written(folder: Path, **more: object) -> dict[str, dict[str, Any]]:
    """Return the dashboards that the command writes for a config with these keys."""
    source = {
        "name": "prod",
        "url": "https://bkapi.example.com",
        "auth": {"app_code": "a", "app_secret": "not-a-secret", "username": "admin"},
        "watch": [
            {"search": {"bk_biz_ids": [2]}, "labels": {"squad": "core"}},
            {"files": ["watch/*.json"], "labels": {"window": "night"}},
        ],
    }
    (folder / "watch").mkdir()
    (folder / "watch" / "web.json").write_text(json.dumps([{"alerts": ["1"], "labels": {"tier": "web"}}]))
    (folder / "config.yaml").write_text(yaml.safe_dump({"sources": [source], **more}))
    command = ["dashboards", f"--config.file={folder}/config.yaml", f"--output={folder}/new/grafana"]
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, len(result.output.splitlines())) == (0, 3), result.output
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (folder / "new" / "grafana").iterdir()}


def test_without_a_config_the_bundled_ones_are_written(tmp_path: Path) -> None:
    """As they are committed, byte by byte."""
    result = CliRunner().invoke(main, ["dashboards", f"--output={tmp_path}"])

    assert result.exit_code == 0
    folder = Path(__file__).parents[2] / "grafana" / "dashboards"
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one line, with exit code 1."""
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(main, ["dashboards", f"--output={tmp_path}/file/folder"])

    assert (result.exit_code, result.output) == (1, f"cannot write {tmp_path}/file/folder: Not a directory\n")


def test_labels_are_those_of_the_config(tmp_path: Path) -> None:
    """Fields, labels of watches and of watch files: as variables, in every query on alerts, and to group by.

    All but one that is called as another variable.
    """
    dashboards = written(tmp_path, labels=["category"])
    response = dashboards["alert-response.json"]

    names = [variable["name"] for variable in response["templating"]["list"]]
    assert names == [
        *("datasource", "job", "instance", "source"),
        *("category", "squad", "tier"),
        *("by", "window", "bkmonitor"),
    ]
    (by,) = [variable for variable in response["templating"]["list"] if variable["name"] == "by"]
    assert by["query"] == "tier,squad,category,source"
    waiting = next(query for query in queries(response) if query.panel == "Waiting now")
    assert 'source=~"$source",category=~"$category",squad=~"$squad",tier=~"$tier",acked' in waiting.expr
    assert "$severity" not in json.dumps(dashboards)
    assert dashboards["exporter-health.json"] == bundled()["exporter-health.json"]


def test_targets_are_those_of_the_config(tmp_path: Path) -> None:
    """One budget for each, and their times as thresholds."""
    response = written(tmp_path, ack_targets=TARGETS)["alert-response.json"]
    shown = {panel["title"]: panel for panel in panels(response)}

    assert [target["legendFormat"] for target in shown["Objective budget left"]["targets"]] == [
        "core: 100 % within 1m30s",
        "fatal, web: 99 % within 10m",
        "all alerts: 90 % within 1h",
    ]
    assert [step["value"] for step in shown["Oldest waits for"]["fieldConfig"]["defaults"]["thresholds"]["steps"]] == [
        *(None, 90, 3600)
    ]
    legends = [target.get("legendFormat") for target in shown["Time to acknowledge, rolling"]["targets"]]
    assert legends[-1] == "target {{squad}} {{severity}}"
    past = next(query for query in queries(response) if query.panel == "Past their target now")
    assert "300" not in past.expr


def test_without_targets_nothing_is_asked_about_them(tmp_path: Path) -> None:
    """Queries about deadlines that nobody configured are left out, and no colour pretends that there were some."""
    response = written(tmp_path)["alert-response.json"]
    shown = {panel["title"]: panel for panel in panels(response)}

    assert shown["Objective budget left"]["targets"] == shown["Past their target now"]["targets"] == []
    assert [target["refId"] for target in shown["Alerts that nobody acknowledged"]["targets"]] == ["AGE"]
    assert len(shown["Oldest waits for"]["fieldConfig"]["defaults"]["thresholds"]["steps"]) == 1


def test_links_lead_to_the_address_of_the_config(tmp_path: Path) -> None:
    """The alert's page filled in from the row, and BlueKing itself: nobody is asked where it is."""
    dashboards = written(tmp_path, web={"alert_url": URL})
    response = dashboards["alert-response.json"]

    field = "${__data.fields.%s}"
    link = f"https://bk.example.com/w?b={field % 'bk_biz_id'}&s={field % 'source'}#/alert/{field % 'alert_id'}"
    assert link in [value for value in _strings(response) if "alert_id" in value]
    assert [link["url"] for link in response["links"] if link["type"] == "link"] == ["https://bk.example.com/"]
    assert "bkmonitor}" not in json.dumps(dashboards)
    assert "bkmonitor:" not in json.dumps(dashboards)
    assert "bkmonitor" not in [variable["name"] for variable in response["templating"]["list"]]


def test_an_address_that_is_the_alerts_own_has_no_home(tmp_path: Path) -> None:
    """Where the host depends on the alert there is no link to BlueKing as a whole."""
    response = written(tmp_path, web={"alert_url": "https://{source}.example.com/{alert_id}"})["alert-response.json"]

    assert [link["type"] for link in response["links"]] == ["dashboards"]
    assert "https://${__data.fields.source}.example.com/${__data.fields.alert_id}" in _strings(response)


@pytest.mark.parametrize("targets", [[], TARGETS[:1], TARGETS], ids=["none", "one", "several"])
def test_prometheus_can_read_every_query(targets: list[dict[str, object]], tmp_path: Path) -> None:
    """Whatever the config, promtool finds no fault with any query."""
    rules = [
        {
            "record": "query",
            "expr": filled(query.expr, {**everything(dashboard), "__range": "1h", "__rate_interval": "5m"}),
        }
        for dashboard in written(tmp_path, labels=["category", "severity"], ack_targets=targets).values()
        for query in queries(dashboard)
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    checked = subprocess.run(
        ["promtool", "check", "rules", "--lint=none", tmp_path / "rules.yaml"], capture_output=True, text=True
    )

    assert f"SUCCESS: {len(rules)} rules found" in checked.stdout, checked.stdout + checked.stderr


def _strings(part: object) -> list[str]:
    if isinstance(part, dict):
        return [text for inner in part.values() for text in _strings(inner)]
    if isinstance(part, list):
        return [text for inner in part for text in _strings(inner)]
    return [part] if isinstance(part, str) else []
