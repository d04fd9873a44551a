"""Opening a SQLite ledger: one exporter per file, and nothing overwritten that is not ours."""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import URL, Connection, Engine, Executable, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from exporter.ledger import schema
from exporter.ledger.dividing import divide
from exporter.ledger.errors import LedgerError
from exporter.ledger.members import Members

APPLICATION_ID = 0x424B464C  # "BKFL", so that file(1) and we can tell a ledger from another database
_MAGIC = b"SQLite format 3\x00"
_BUSY_TIMEOUT_MS = 1000  # a refused commit only means that the same is read again
_LONGEST_LOG = 16 << 20  # bytes: after a large commit the write-ahead log would stay as large as that made it
_LOCK_SUFFIX = ".lock"
# What a database in trouble raises. Their subclasses (a constraint, a wrong statement) would be bugs of ours.
_TROUBLE = {OperationalError, DatabaseError, sqlite3.OperationalError, sqlite3.DatabaseError}
_RESTORE = "restore it from a backup, or move it away to start anew; nothing was overwritten"


def upsert(table: Table, changed: Callable[[Any], Mapping[str, Any]]) -> Executable:
    """Return an INSERT that sets what `changed` tells of the row refused where its key is there already."""
    statement = insert(table)
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed(statement.excluded))


class SQLiteDatabase:
    """The database in a file; see `Database`."""

    upsert = staticmethod(upsert)

    def __init__(self, url: URL, shards: int | None) -> None:
        self._path = Path(url.database or "").resolve()  # one lock for one file, whatever it is called
        lock = hold(self._path)
        try:
            self._engine = open_engine(url, self._path, shards)
            self._files = HeldFiles(self._path, lock)
        except BaseException:
            lock.close()
            raise

    @property
    def where(self) -> str:
        """The file."""
        return str(self._path)

    @contextmanager
    def begin(self, error_type: type[LedgerError] = LedgerError) -> Iterator[Connection]:
        """Give a transaction on the file. Raises `error_type` where the file refuses, or was removed or replaced."""
        self._files.check(error_type)
        with translated(self._path, error_type), self._engine.begin() as connection:
            yield connection

    def members(self, connection: Connection) -> Members:  # noqa: ARG002 - a file has one
        """Return that this process is alone."""
        return Members()

    def lock(self, connection: Connection, shards: Iterable[int], number: int) -> frozenset[int]:  # noqa: ARG002
        """Return the first `number` of these shards: who has the file has them all."""
        return frozenset(islice(shards, number))

    def keep_locked(self, connection: Connection, shards: Collection[int]) -> frozenset[int]:  # noqa: ARG002
        """Return these shards."""
        return frozenset(shards)

    def close(self) -> None:
        """End the use of the file, and free its lock."""
        self._engine.dispose()
        self._files.release()


def hold(path: Path) -> IO[str]:
    """Return the held lock of the ledger at `path`; it is free again when closed, or when the process dies.

    A file of its own, since closing any descriptor of the database file would drop SQLite's own locks on it.
    Raises `LedgerError` where another exporter holds it.
    """
    lock_path = path.with_name(path.name + _LOCK_SUFFIX)
    try:
        lock = lock_path.open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}; the folder must exist and be writable") from None
    try:
        _hold(lock, path)
    except BaseException:
        lock.close()
        raise
    return lock


def _hold(lock: IO[str], path: Path) -> None:
    lock.seek(0)
    holder = lock.read(100).strip()
    if holder and not holder.isdecimal():
        raise LedgerError(f"{lock.name}: not a lock of this exporter; give another ledger.url")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise LedgerError(
            f"{path}: in use by another exporter (process {holder or 'unknown'}); "
            "stop it, or give this one its own ledger.url"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


class HeldFiles:
    """The database and its lock, as they were when opened: SQLite itself writes on into a file that was removed."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self._path = path
        self._lock = lock
        self._inode = path.stat().st_ino
        self._lock_inode = os.fstat(lock.fileno()).st_ino

    def check(self, error_type: type[LedgerError]) -> None:
        """Raise `error_type` where one of them was removed or replaced: what is written now would be lost."""
        for path, inode in ((self._path, self._inode), (Path(self._lock.name), self._lock_inode)):
            try:
                is_same = path.stat().st_ino == inode
            except OSError:
                is_same = False
            if not is_same:
                raise error_type(f"{path}: was removed or replaced while in use; put it back, or restart the exporter")

    def release(self) -> None:
        """Free the lock."""
        self._lock.close()


def open_engine(url: URL, path: Path, shards: int | None) -> Engine:
    """Return an engine on the ledger at `path`, made where there is none, of this schema version and so many shards.

    Raises `LedgerError` for a file that is locked, foreign, newer or damaged, and leaves it as it was.
    """
    _refuse_other_files(path)
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    try:
        with translated(path):
            _prepare(engine, path, shards)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def translated(path: Path, error_type: type[LedgerError] = LedgerError) -> Iterator[None]:
    """Turn what the database raises into `error_type`, with the file, the cause and what to do."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        if type(error) not in _TROUBLE:
            raise
        cause = str(error.orig if isinstance(error, DBAPIError) else error)
        advice = _RESTORE
        if "locked" in cause:
            advice = "another program holds it; end that one, or try again"
        elif "full" in cause or "readonly" in cause or "unable to open" in cause or "I/O" in cause:
            advice = "check the disk's space, the file's owner and its permissions"
        raise error_type(f"{path}: {cause}; {advice}") from None


def _refuse_other_files(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}") from None
    if not magic and path.with_name(path.name + "-wal").exists():
        raise LedgerError(f"{path}: empty, with a write-ahead log beside it: damaged; {_RESTORE}")
    if magic and magic != _MAGIC:
        raise LedgerError(f"{path}: not a SQLite database; give another ledger.url, nothing was overwritten")


def _on_connect(connection: Any, _record: Any) -> None:
    # The driver would begin transactions by itself, but not before DDL: we begin them (see _on_begin).
    connection.isolation_level = None
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_LONGEST_LOG}")
    except sqlite3.Error:
        connection.close()  # the pool does not know it yet
        raise


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare(engine: Engine, path: Path, shards: int | None) -> None:
    """Tell our file from others before anything is written, then create or upgrade it."""
    with closing(engine.raw_connection()) as raw:
        is_new = _inspect(cast("sqlite3.Connection", raw.driver_connection), path)
    with engine.begin() as connection:
        if is_new:
            schema.create(connection, shards or 1)
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        else:
            schema.upgrade(connection, str(path))
            if shards is not None:
                divide(connection, str(path), shards)


def _inspect(raw: sqlite3.Connection, path: Path) -> bool:
    """Refuse what is not a sound ledger of ours; return whether the file is new."""
    application = raw.execute("PRAGMA application_id").fetchone()[0]
    is_new = raw.execute("SELECT 1 FROM sqlite_master").fetchone() is None
    if application != APPLICATION_ID and not (is_new and application == 0):
        raise LedgerError(f"{path}: a SQLite database of something else; give another ledger.url")
    verdict = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise LedgerError(f"{path}: damaged ({verdict}); {_RESTORE}")
    raw.execute("PRAGMA journal_mode = WAL")
    return is_new
