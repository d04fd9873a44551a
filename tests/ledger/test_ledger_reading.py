"""Reading a ledger beside its exporter: what is committed is told, and no file changes or appears."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.ledger import Ledger, LedgerError, open_ledger
from exporter.ledger.reading import find_alerts
from exporter.ledger.schema import VERSION

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
ALERT_ID = "170000000000042"
DIES = """\
import os, sys
from exporter.ledger import open_ledger
from tests.ledger.test_ledger_reading import BOUNDS, alert
ledger = open_ledger(sys.argv[1], BOUNDS)
with ledger.transaction() as tx:
    tx.put(alert("prod"))
os._exit(0)
"""
READS = """\
import os, sys
from exporter.ledger.reading import find_alerts
url, alert_id, folder = sys.argv[1:]
assert not os.access(folder, os.W_OK)
assert find_alerts(url, alert_id)
"""
# Root may write anywhere, unless it gave up what makes it root.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def alert(source: str, **more: float) -> KnownAlert:
    """Return an alert of which little is known."""
    return KnownAlert(source, ALERT_ID, make_labels({"source": source}), first_seen_at=1.0, **more)  # type: ignore[arg-type] # times by name


def url_of(path: Path) -> str:
    """Return the config's name for a ledger."""
    return f"sqlite:///{path}"


def make_ledger(path: Path) -> None:
    """Make a ledger that knows the alert in two sources, and close it."""
    with closing(open_ledger(url_of(path), BOUNDS)) as ledger, ledger.transaction() as tx:
        tx.put(alert("prod"))
        tx.put(alert("test", rested_at=5.0))


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, with what it holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_alert_is_found_in_every_source(tmp_path: Path) -> None:
    """Also where it rests; an unknown one is found in none."""
    make_ledger(tmp_path / "flow.db")

    found = find_alerts(url_of(tmp_path / "flow.db"), ALERT_ID)

    assert found is not None
    assert {source: known.rested_at for source, known in found.items()} == {"prod": None, "test": 5.0}
    assert find_alerts(url_of(tmp_path / "flow.db"), "1") == {}


def test_without_a_ledger_nothing_is_made(tmp_path: Path) -> None:
    """A missing file stays missing."""
    assert find_alerts(url_of(tmp_path / "flow.db"), ALERT_ID) is None
    assert contents(tmp_path) == {}


def test_reading_changes_no_file(tmp_path: Path) -> None:
    """Neither the ledger, nor its lock; no write-ahead log appears."""
    make_ledger(tmp_path / "flow.db")
    before = contents(tmp_path)

    find_alerts(url_of(tmp_path / "flow.db"), ALERT_ID)

    assert contents(tmp_path) == before


def test_reading_needs_no_right_to_write(tmp_path: Path) -> None:
    """Whoever may look at the file may explain an alert."""
    make_ledger(tmp_path / "flow.db")
    tmp_path.chmod(0o500)
    (tmp_path / "flow.db").chmod(0o400)

    reading = [sys.executable, "-c", READS, url_of(tmp_path / "flow.db"), ALERT_ID, str(tmp_path)]
    subprocess.run([*UNPRIVILEGED, *reading], check=True, timeout=60, cwd=Path(__file__).parents[2])


def test_what_an_exporter_just_committed_is_told(tmp_path: Path) -> None:
    """It holds the lock and its file open, and goes on writing."""
    url = url_of(tmp_path / "flow.db")
    with closing(open_ledger(url, BOUNDS)) as ledger:
        for read_at in (10.0, 20.0):
            with ledger.transaction() as tx:
                tx.put(alert("prod", read_at=read_at))
            found = find_alerts(url, ALERT_ID)
            assert found is not None
            assert found["prod"].read_at == read_at


def test_what_a_crashed_exporter_committed_is_told(tmp_path: Path) -> None:
    """Its write-ahead log is read, and left to the exporter that starts next."""
    url = url_of(tmp_path / "flow.db")
    subprocess.run([sys.executable, "-c", DIES, url], check=True, timeout=60, cwd=Path(__file__).parents[2])
    before = contents(tmp_path)
    assert before["flow.db-wal"]

    found = find_alerts(url, ALERT_ID)

    assert found is not None
    assert found.keys() == {"prod"}
    assert contents(tmp_path) == before


def test_a_log_without_its_index_is_not_passed_over(tmp_path: Path) -> None:
    """What stands in it would be missing; making the index is the exporter's business."""
    url = url_of(tmp_path / "flow.db")
    with closing(open_ledger(url, BOUNDS)) as ledger:
        with ledger.transaction() as tx:
            tx.put(alert("prod"))
        (tmp_path / "copy").mkdir()
        for name in ("flow.db", "flow.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / "copy" / name)

    with pytest.raises(LedgerError, match="write-ahead log has no index; start the exporter on it once"):
        find_alerts(url_of(tmp_path / "copy" / "flow.db"), ALERT_ID)


def test_an_exporter_that_stops_meanwhile_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read while its files came and went is thrown away, and read again."""
    url = url_of(tmp_path / "flow.db")
    make_ledger(tmp_path / "flow.db")
    held: list[Ledger] = []
    connect = sqlite3.connect

    def connect_meanwhile(address: str, **more: object) -> sqlite3.Connection:
        if not held and "immutable" in address:
            held.append(open_ledger(url, BOUNDS))  # just now one starts, and commits
            with held[0].transaction() as tx:
                tx.put(alert("prod", read_at=77.0))
        return connect(address, **more)  # type: ignore[call-overload,no-any-return] # passed through

    monkeypatch.setattr(sqlite3, "connect", connect_meanwhile)
    found = find_alerts(url, ALERT_ID)
    held[0].close()

    assert found is not None
    assert found["prod"].read_at == 77.0


def other_version(number: int) -> Callable[[Path], None]:
    """Return a function that makes a ledger of another schema version."""

    def make(path: Path) -> None:
        make_ledger(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE ledger SET schema_version = ?", [number])
            connection.commit()

    return make


def foreign(path: Path) -> None:
    """Write a database of something else."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE invoices (id)")


def no_database(path: Path) -> None:
    """Write something else altogether."""
    path.write_text("my notes\n" * 1000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (other_version(1), f"schema version 1 is older than this exporter's {VERSION}; start the exporter on it once"),
        (other_version(99), "schema version 99 was written by a newer exporter"),
        (foreign, "a SQLite database of something else"),
        (no_database, "file is not a database"),
        (Path.mkdir, "check the disk.s space, the file.s owner and its permissions"),
    ],
)
def test_what_cannot_be_read_is_named(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    """One line with the file and why; nothing is upgraded or overwritten."""
    make(tmp_path / "flow.db")
    before = contents(tmp_path) if (tmp_path / "flow.db").is_file() else {}

    with pytest.raises(LedgerError, match=message) as caught:
        find_alerts(url_of(tmp_path / "flow.db"), ALERT_ID)

    assert str(caught.value).startswith(f"{tmp_path}/flow.db: ")
    assert "\n" not in str(caught.value)
    assert not before or contents(tmp_path) == before


def test_an_empty_file_is_no_ledger_yet(tmp_path: Path) -> None:
    """An exporter may just be setting it up."""
    (tmp_path / "flow.db").touch()

    assert find_alerts(url_of(tmp_path / "flow.db"), ALERT_ID) is None
