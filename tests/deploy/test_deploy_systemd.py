"""deploy/systemd: the unit, as far as systemd itself can judge it without starting it."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from exporter.cli import main

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "bkmonitor-flow-exporter.service"
EXPOSURE = 1.5  # on systemd's scale from 0 to 10; what is left are the sockets, without which it is no exporter


def service(key: str) -> str:
    """Return a setting of the unit that is given once."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign] # keys as they are written
    unit.read(UNIT)
    return unit["Service"][key]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit with a command that exists on this machine: where the exporter is installed, systemd checks."""
    path = tmp_path / UNIT.name
    command = service("ExecStart").split()[0]
    path.write_text(UNIT.read_text().replace(command, sys.executable))
    return path


@pytest.fixture(scope="module")
def systemd_analyze() -> str:
    """Return systemd's own judge of units; it judges without systemd running."""
    path = shutil.which("systemd-analyze")
    assert path, "no systemd-analyze: `make test` installs it as root; else, on Debian: sudo apt-get install systemd"
    return path


def test_systemd_finds_no_fault(systemd_analyze: str, unit: Path) -> None:
    """No setting is misspelled, none contradicts another."""
    done = subprocess.run([systemd_analyze, "verify", unit], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_is_hardened(systemd_analyze: str, unit: Path) -> None:
    """What systemd itself thinks of how much the service could do if it were taken over."""
    done = subprocess.run(
        [systemd_analyze, "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    (exposure,) = re.findall(r"Overall exposure level .*: ([\d.]+)", done.stdout)

    assert float(exposure) <= EXPOSURE


def test_it_starts_a_command_of_ours() -> None:
    """The command line takes the arguments as they stand."""
    _path, command, *arguments = service("ExecStart").split()
    found = main.get_command(click.Context(main), command)
    assert found is not None
    given = found.make_context(command, list(arguments)).params

    assert given["config_file"] == Path("/etc/bkmonitor-flow-exporter/config.yaml")


def test_a_wrong_config_is_not_tried_again() -> None:
    """2 is the code of a wrong config (docs/operations.md); anything else is worth another start."""
    assert (service("Restart"), service("RestartPreventExitStatus")) == ("on-failure", "2")


def test_the_ledger_is_kept_where_the_service_may_write() -> None:
    """The default ledger is relative to the working directory: the folder that systemd makes for it."""
    assert service("WorkingDirectory") == f"%S/{service('StateDirectory')}"
    assert service("ProtectSystem") == "strict"
