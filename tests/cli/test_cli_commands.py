"""The commands: what they print, and with which code they end."""

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

from exporter import __version__
from exporter.cli import main
from exporter.config import load_config
from tests.e2e.harness import COMMAND, ExporterProcess, flow_samples, wait_until

CONFIG = """\
sources:
  - name: prod
    url: http://127.0.0.1:9
    auth: {{app_code: a, app_secret: b, username: c}}
    watch: [{{alerts: [164239028644167]}}]
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""
UP = ("bkmonitor_flow_exporter_source_up", frozenset([("source", "prod")]))


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a good config."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


def test_the_version_comes_from_one_place() -> None:
    """What the command says is what the package says."""
    assert run("--version").output == f"bkmonitor-flow-exporter, version {__version__}\n"


def test_check_accepts_a_good_config(config: Path) -> None:
    """It says so, and what it found."""
    result = run("check", f"--config.file={config}")

    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, f"{config}: ok, 1 source(s)")


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_bad_config_is_told_whole_and_ends_with_2(command: str, config: Path) -> None:
    """Every fault at once, each with file, line and key, on standard error."""
    config.write_text(config.read_text().replace("url:", "ulr:") + "poll: {interval: ten}\n")

    result = run(command, f"--config.file={config}")

    assert result.exit_code == 2
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        [f"{config}:2", "sources[0].url"],
        [f"{config}:3", "sources[0].ulr"],
        [f"{config}:6", "ledger.ulr"],
        [f"{config}:7", "poll.interval"],
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--no-such-option"],
        ["serve", "--web.listen-address=10845"],
        ["serve", "--web.telemetry-path=metrics"],
        ["serve", "--log.level=loud"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    """What is not understood is refused before anything starts."""
    assert run(*arguments).exit_code == 2


def test_schema_is_json() -> None:
    """Editors get a JSON Schema."""
    assert json.loads(run("schema").stdout)["$schema"].startswith("https://json-schema.org/")


def test_a_foreign_ledger_ends_with_1(config: Path, tmp_path: Path) -> None:
    """What cannot be used is named in a line, without a traceback."""
    (tmp_path / "flow.db").write_text("my notes, not a database")

    result = run("serve", f"--config.file={config}", "--web.listen-address=127.0.0.1:0")

    assert result.exit_code == 1
    assert (
        result.stderr
        == f"{tmp_path}/flow.db: not a SQLite database; give another ledger.url, nothing was overwritten\n"
    )
    assert (tmp_path / "flow.db").read_text() == "my notes, not a database"


def test_an_address_in_use_ends_with_1(config: Path) -> None:
    """The port is named, and the ledger is free again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [COMMAND, "serve", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_within_ten_seconds(number: signal.Signals, config: Path) -> None:
    """Also while its only source cannot be reached."""
    with ExporterProcess(config) as exporter:
        assert exporter.get("/-/healthy").status_code == 200
        wait_until(lambda: exporter.get("/-/ready").status_code == 200, within=20)
        assert exporter.get("/-/ready").status_code == 200
        assert exporter.samples()["bkmonitor_flow_exporter_source_up", frozenset([("source", "prod")])] == 0
        started = time.monotonic()
        exporter.signal(number)
        assert exporter.wait() == 0
        assert time.monotonic() - started < 10
    assert "msg=stopped" in exporter.log[-1]


def test_a_second_exporter_on_the_same_ledger_refuses(config: Path) -> None:
    """It names the file and the process that has it."""
    with ExporterProcess(config) as first:
        second = run("serve", f"--config.file={config}", "--web.listen-address=127.0.0.1:0")
        assert second.exit_code == 1
        assert f"in use by another exporter (process {first.pid})" in second.stderr
        assert first.get("/-/healthy").status_code == 200


def test_the_log_can_be_json(config: Path) -> None:
    """Each line is an object with time, level and event."""
    with ExporterProcess(config, "--log.format=json") as exporter:
        exporter.stop()

    entries = [json.loads(line) for line in exporter.log]
    assert {"ts", "level", "msg"} <= set(entries[0])
    assert [entry["msg"] for entry in entries if entry["level"] == "info"] == ["listening", "stopped"]


def test_the_demo_fills_within_a_minute() -> None:
    """Nothing to configure: records by operate, anomaly points of open alerts, times to ack and results are there."""
    with ExporterProcess(None) as exporter:
        wait_until(
            lambda: "bkmonitor_flow_records_total" in {n for n, _ in flow_samples(exporter.samples())}, within=60
        )
        samples = flow_samples(exporter.samples())
        assert exporter.stop() == 0

    names = {name for name, _ in samples}
    results = {dict(pairs)["result"] for name, pairs in samples if name == "bkmonitor_flow_ack_deadlines_total"}
    assert {"met", "missed"} <= results

    assert {
        "bkmonitor_flow_records_total",
        "bkmonitor_flow_anomaly_count",
        "bkmonitor_flow_time_to_ack_seconds_bucket",
        "bkmonitor_flow_open_alerts",
    } <= names


def test_simulate_runs_a_world_that_serve_can_watch(tmp_path: Path) -> None:
    """The simulated BlueKing alone, with a watch file that lists its alerts."""
    watch = tmp_path / "watch.json"
    command = [COMMAND, "simulate", "--web.listen-address=127.0.0.1:0", f"--watch-file={watch}", "--history=600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        url = simulator.stdout.readline().split()[3].rstrip(",")
        config = tmp_path / "config.yaml"
        config.write_text(
            CONFIG.format(folder=tmp_path)
            .replace("http://127.0.0.1:9", url)
            .replace("{alerts: [164239028644167]}", "{files: [watch.json]}")
            .replace(
                "app_code: a, app_secret: b, username: c",
                simulator.stdout.readline().replace(" ", ": ").replace(",:", ","),
            )
        )
        assert load_config(config, {}).sources[0].url == url
        alerts = requests.get(f"{url}/-/alerts", timeout=5).json()
        listed = {alert for group in json.loads(watch.read_text()) for alert in group["alerts"]}
        assert listed == {alert["id"] for alert in alerts} != set()
        simulator.terminate()
        assert simulator.wait(10) == 0
