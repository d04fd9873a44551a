"""ledger check, export and import: what they print, where they write, and with which code they end."""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exporter.cli import main
from exporter.config import load_config
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.ledger import open_ledger
from exporter.service import bounds

CONFIG = """\
sources:
  - name: prod
    url: http://127.0.0.1:9
    auth: {{app_code: a, app_secret: b, username: c}}
    watch: [{{alerts: [164239028644167]}}]
ledger: {{url: "sqlite:///{file}"}}
"""
G = make_labels({"source": "prod"})


def run(command: str, config: Path, *options: str, told: bytes = b"") -> Result:
    """Run a command of the group in this process."""
    return CliRunner().invoke(main, ["ledger", command, f"--config.file={config}", *options], input=told)


def make_config(folder: Path, name: str) -> Path:
    """Return a config for the ledger of this name."""
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG.format(file=folder / f"{name}.db"))
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return the config of a ledger that knows one alert and counted one record."""
    config = make_config(tmp_path, "old")
    settings = load_config(config, {})
    with (
        closing(open_ledger(settings.ledger.url, bounds(settings.histograms, settings.ack_targets))) as ledger,
        ledger.transaction() as tx,
    ):
        tx.put(KnownAlert("prod", "1", G, 1.0))
        tx.add([Count(Total.RECORDS, G, 1)])
    return config


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Return the config of a ledger that is not there yet."""
    return make_config(tmp_path, "new")


def test_a_sound_ledger_is_summed_up(old: Path, tmp_path: Path) -> None:
    """In one line, with code 0."""
    result = run("check", old)

    assert result.exit_code == 0
    assert result.stdout == (f"sqlite:///{tmp_path}/old.db: sound; 1 alerts, 0 resting, 3 bounds, 1 series, 1 cells\n")


def test_each_finding_is_a_line(old: Path, tmp_path: Path) -> None:
    """On standard error, with code 1."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as other, other:
        other.execute("UPDATE cells SET value = -1")
        other.execute("UPDATE alerts SET quiet_reads = -1")

    result = run("check", old)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "alerts prod/1: fewer than no quiet reads",
        'series records{"source":"prod"}: value: -1.0 is negative',
    ]


def test_other_buckets_in_the_config_are_noted(old: Path) -> None:
    """A note is no finding."""
    old.write_text(old.read_text() + "histograms: {time_to_ack: [1s]}\n")

    result = run("check", old)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        "note: time_to_ack: the config has other buckets: it starts anew when the exporter starts"
    )


@pytest.mark.parametrize("command", ["check", "export"])
def test_without_a_ledger_there_is_nothing_to_do(command: str, new: Path, tmp_path: Path) -> None:
    """It says where it looked, and makes none."""
    result = run(command, new)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"sqlite:///{tmp_path}/new.db: there is no ledger; see ledger.url")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("name", ["moved.jsonl", "moved.jsonl.gz"])
def test_a_ledger_moves_by_way_of_a_file(name: str, old: Path, new: Path, tmp_path: Path) -> None:
    """Packed where its name says so; the file is there in full, and nothing beside it."""
    output = tmp_path / "exports" / name
    output.parent.mkdir()
    exported = run("export", old, f"--output={output}")
    imported = run("import", new, f"--input={output}")

    assert (exported.exit_code, imported.exit_code) == (0, 0)
    assert exported.stderr == "exported 0 sources, 0 watches, 3 bounds, 1 alerts, 1 series\n"
    assert imported.stderr == "imported 0 sources, 0 watches, 3 bounds, 1 alerts, 1 series\n"
    assert list(output.parent.iterdir()) == [output]
    told = gzip.decompress(output.read_bytes()) if name.endswith(".gz") else output.read_bytes()
    assert run("export", new).stdout_bytes == told == run("export", old).stdout_bytes


def test_a_ledger_moves_through_a_pipe(old: Path, new: Path) -> None:
    """From standard output to standard input."""
    told = run("export", old).stdout_bytes

    assert run("import", new, "--input=-", told=told).exit_code == 0
    assert run("export", new).stdout_bytes == told


def test_an_import_that_is_refused_says_why(old: Path, new: Path, tmp_path: Path) -> None:
    """With code 1 where the file or the ledger is not fit, with 2 where there is no such file."""
    (tmp_path / "moved").write_bytes(run("export", old).stdout_bytes[:-1])

    cut = run("import", new, f"--input={tmp_path}/moved")
    full = run("import", old, f"--input={old}")
    missing = run("import", new, f"--input={tmp_path}/missing")

    assert (cut.exit_code, full.exit_code, missing.exit_code) == (1, 1, 2)
    assert cut.stderr.startswith(f"{tmp_path}/moved:7: the file is cut: its last line")
    assert full.stderr.startswith(f"{old}:1: not an export of a ledger")
    assert "does not exist" in missing.stderr


def test_an_export_that_cannot_be_written_leaves_nothing(old: Path, tmp_path: Path) -> None:
    """It says where it was to be written."""
    result = run("export", old, f"--output={tmp_path}/nowhere/moved")

    assert result.exit_code == 1
    assert result.stderr == f"cannot write {tmp_path}/nowhere/moved: No such file or directory\n"


@pytest.mark.parametrize("command", ["check", "export"])
def test_a_bad_config_ends_with_2(command: str, old: Path) -> None:
    """As everywhere."""
    old.write_text("sources: 7\n")

    assert run(command, old).exit_code == 2
