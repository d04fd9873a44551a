"""serve and demo: what they refuse, and what they write."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter.cli import main
from tests.e2e.harness import ExporterProcess

HEAP = 64 << 20  # bytes: each of glibc's heaps but the main one begins at a multiple of that
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


def test_threads_share_their_heaps(tmp_path: Path) -> None:
    """Beside the main heap there is one more of glibc's at most, whatever the number of threads that make requests."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(folder=tmp_path))
    with ExporterProcess(config) as exporter:
        with ThreadPoolExecutor(8) as pool:
            assert {answer.status_code for answer in pool.map(exporter.get, ["/"] * 40)} == {200}

        maps = Path(f"/proc/{exporter.pid}/maps").read_text()
    mapped = re.findall(r"(?m)^([0-9a-f]+)-\S+ rw-p 0+ 00:00 0 *$", maps)
    assert sum(int(start, 16) % HEAP == 0 for start in mapped) <= 1
