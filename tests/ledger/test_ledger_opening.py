"""Which files the ledger opens, and what it says of the others."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.ledger import LedgerError, open_ledger
from exporter.ledger.sqlite import open_engine

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}


def opening(path: Path) -> None:
    """Open the ledger at `path` and close it again."""
    open_ledger(f"sqlite:///{path}", BOUNDS).close()


def make_ledger(path: Path, alerts: int = 0) -> None:
    """Make a ledger with some alerts at `path`."""
    with closing(open_ledger(f"sqlite:///{path}", BOUNDS)) as ledger, ledger.transaction() as tx:
        for number in range(alerts):
            tx.put(KnownAlert("prod", f"17000000000{number}", make_labels({"source": "prod"}), first_seen_at=1.0))


def text_file(path: Path) -> None:
    """Write something that is no database."""
    path.write_text("alerts:\n- 164239028644167\n" * 10)


def foreign_database(path: Path) -> None:
    """Write a database of something else."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE invoices (id)")


def foreign_application(path: Path) -> None:
    """Write an empty database that another program claimed."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 7")


def newer_ledger(path: Path) -> None:
    """Write a ledger as a later version would."""
    make_ledger(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE ledger SET schema_version = 99")
        connection.commit()


def damaged_ledger(path: Path) -> None:
    """Write a ledger and overwrite pages in its middle."""
    make_ledger(path, alerts=2000)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(20_000))


def emptied_ledger(path: Path) -> None:
    """Write a ledger that lost its content, but not its write-ahead log."""
    path.write_bytes(b"")
    path.with_name(path.name + "-wal").write_bytes(b"pages")


def truncated_ledger(path: Path) -> None:
    """Write a ledger and cut it off."""
    make_ledger(path, alerts=2000)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (text_file, "not a SQLite database"),
        (foreign_database, "a SQLite database of something else"),
        (foreign_application, "a SQLite database of something else"),
        (newer_ledger, "schema version 99 was written by a newer exporter"),
        (damaged_ledger, "restore it from a backup"),
        (emptied_ledger, "restore it from a backup"),
        (truncated_ledger, "restore it from a backup"),
    ],
)
def test_what_is_no_ledger_of_ours_is_refused_and_left_alone(
    make: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    """A wrong file gives an error with its name and the reason, and has the same bytes afterwards."""
    path = tmp_path / "flow.db"
    make(path)
    before = path.read_bytes()

    with pytest.raises(LedgerError, match=says) as raised:
        opening(path)

    assert str(raised.value).startswith(str(path))
    assert path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A ledger in a folder that is not there says so."""
    with pytest.raises(LedgerError, match="folder must exist"):
        opening(tmp_path / "nowhere" / "flow.db")


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    """A folder where the file should be is named."""
    (tmp_path / "flow.db").mkdir()

    with pytest.raises(LedgerError, match="directory"):
        opening(tmp_path / "flow.db")


def test_a_locked_file_is_refused_with_advice(tmp_path: Path) -> None:
    """A program that holds the database open for writing keeps the exporter out, for now."""
    path = tmp_path / "flow.db"
    make_ledger(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="database is locked; another program holds it"):
            opening(path)

    opening(path)


def test_a_second_exporter_on_the_same_file_refuses(tmp_path: Path) -> None:
    """While one process has the ledger, another is told which one; when that one dies, the ledger is free."""
    path = tmp_path / "flow.db"
    program = (
        "import sys; from exporter.ledger import open_ledger; from exporter.flow.observations import Total\n"
        f"held = open_ledger('sqlite:///{path}', {{t: (60.0,) for t in Total if t.startswith('time_')}})\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LedgerError, match=rf"in use by another exporter \(process {holder.pid}\)"):
            opening(path)
        holder.kill()
        holder.wait()

    opening(path)


def test_another_name_for_the_same_file_is_no_other_file(tmp_path: Path) -> None:
    """A link to a ledger that is in use is refused like the ledger itself."""
    (tmp_path / "alias.db").symlink_to(tmp_path / "flow.db")
    with (
        closing(open_ledger(f"sqlite:///{tmp_path}/flow.db", BOUNDS)),
        pytest.raises(LedgerError, match="in use by another exporter"),
    ):
        opening(tmp_path / "alias.db")


def test_somebody_elses_lock_file_is_left_alone(tmp_path: Path) -> None:
    """A file that happens to be named as our lock would be is not written to."""
    (tmp_path / "poetry.lock").write_text("# package versions\n")

    with pytest.raises(LedgerError, match=r"poetry\.lock: not a lock of this exporter"):
        opening(tmp_path / "poetry")

    assert (tmp_path / "poetry.lock").read_text() == "# package versions\n"


def test_a_total_of_a_later_version_is_told(tmp_path: Path) -> None:
    """A ledger that counts what this version does not know needs a newer one."""
    path = tmp_path / "flow.db"
    make_ledger(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO series (total, labels, revealed) VALUES ('mood', '{}', 0)")
        connection.commit()

    with pytest.raises(LedgerError, match="'mood', which this version does not know"):
        opening(path)


def test_a_copy_of_the_files_opens(tmp_path: Path) -> None:
    """A ledger that was copied after a clean stop is whole in one file."""
    make_ledger(tmp_path / "flow.db", alerts=3)
    shutil.copy(tmp_path / "flow.db", tmp_path / "copy.db")

    with closing(open_ledger(f"sqlite:///{tmp_path}/copy.db", BOUNDS)) as copy:
        assert len(copy.view().alerts) == 3


def test_it_is_written_to_disk_before_a_commit_returns(tmp_path: Path) -> None:
    """The file is in write-ahead mode with full synchronisation, and says whose it is."""
    path = tmp_path / "flow.db"
    engine = open_engine(make_url(f"sqlite:///{path}"), path, 1)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    engine.dispose()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA application_id").fetchone() == (0x424B464C,)
