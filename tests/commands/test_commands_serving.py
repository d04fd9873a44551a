"""serve and demo: what they refuse, and what they write."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter.cli import main
from tests.e2e.harness import ExporterProcess

CONFIG = """\
sources:
  - name: prod
    url: http://127.0.0.1:9
    auth: {{app_code: a, app_secret: b, username: c}}
    watch: [{{alerts: [164239028644167]}}]
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_metrics_in_the_place_of_another_page_are_refused(command: str) -> None:
    """It says which path that is, and what would be right."""
    result = CliRunner().invoke(main, [command, "--web.telemetry-path=/api/v1/alerts"])

    assert result.exit_code == 2
    assert "expected a path such as /metrics, got '/api/v1/alerts', where something else is served" in result.stderr


def test_a_log_in_json_has_nothing_else_in_it(tmp_path: Path) -> None:
    """Every line on standard error is an object, so that what collects it can read all of it."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(folder=tmp_path))
    with ExporterProcess(config, "--log.format=json") as exporter:
        assert exporter.stop() == 0

    entries = [json.loads(line) for line in exporter.log]
    assert [entry["msg"] for entry in entries if entry["level"] == "info"] == ["listening", "stopped"]
    assert all({"ts", "level", "msg"} <= entry.keys() for entry in entries)


def test_a_log_for_people_begins_with_the_addresses(tmp_path: Path) -> None:
    """The page and the metrics, to be clicked in a terminal."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(folder=tmp_path))
    with ExporterProcess(config, "--web.telemetry-path=/flow") as exporter:
        assert exporter.stop() == 0

    assert [line.split() for line in exporter.log if line.startswith("  ")] == [
        ["status", "page", f"{exporter.url}/"],
        ["metrics", f"{exporter.url}/flow"],
    ]
