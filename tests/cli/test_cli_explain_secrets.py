"""`explain`: what it never prints, whatever a source says."""

from pathlib import Path

import pytest

from exporter.simulator import Faults, Simulator, SimulatorSettings, life_of
from tests.blueking.loopback import says, serving
from tests.cli.explaining import ALERT_ID, ROWS, SECRET, run, write_config


@pytest.mark.parametrize(
    "faults", [Faults(), Faults(esb_auth=1), Faults(gateway_secret=1), Faults(http_502_html=1)], ids=str
)
@pytest.mark.parametrize("output", ["text", "json"])
def test_no_secret_is_printed(tmp_path: Path, faults: Faults, output: str) -> None:
    """On a good day and on bad ones."""
    settings = SimulatorSettings(app_secret=SECRET, faults=faults)
    with Simulator(settings, lives=[life_of(ALERT_ID, ROWS)]) as simulator:
        config = write_config(tmp_path, simulator.url, headers={"X-Key": f"key-{SECRET}"})
        result = run(config, f"--output={output}")

    assert ALERT_ID in result.output
    assert SECRET not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_hostile_answer_reaches_the_terminal_as_text(tmp_path: Path) -> None:
    """What a server says of itself is one printable line, without our secrets."""
    refusal = {"result": False, "code": 1640001, "message": f"\x1b[2J who is {SECRET}?\r\n", "data": None}
    with serving(says(refusal)) as server:
        result = run(write_config(tmp_path, server.url))

    assert result.exit_code == 1
    assert "who is <secret>?" in result.stderr
    assert all(line.isprintable() for line in result.output.splitlines())


def test_hostile_rows_reach_the_terminal_as_text(tmp_path: Path) -> None:
    """Names that are none stand as OTHER; a message of a row is never shown."""
    rows = [
        {"operate": "\x1b[2J", "status": "\x1b", "create_time": "2024-01-01 00:00:00", "message": "\x1b]0;x\x07"},
        {"operate": "ACK", "status": "SUCCESS", "create_time": "\x1b[2J"},
    ]
    with serving(says({"result": True, "code": 200, "data": rows})) as server:
        result = run(write_config(tmp_path, server.url))

    assert result.exit_code == 0
    assert "OTHER" in result.stdout
    assert 'exporter_records_rejected_total{reason="create_time"} +1' in result.stdout
    assert all(line.isprintable() for line in result.output.splitlines())
