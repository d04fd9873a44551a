"""Reading a SQLite ledger beside the exporter that holds it; no file of it appears or changes."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from exporter.ledger import schema
from exporter.ledger.errors import LedgerError
from exporter.ledger.sqlite import APPLICATION_ID, translated

_TRIES = 5
_PATIENCE = 1.0  # seconds for an exporter that is just recovering its file
_LIVE = "mode=ro&readonly_shm=1"
_AT_REST = "mode=ro&immutable=1"  # without it SQLite would make a write-ahead log, even to read

Told = TypeVar("Told")


def read_beside(url: URL, look: Callable[[Connection], Told]) -> Told | None:
    """Return what `look` reads of the ledger in the file, as of one moment; None where there is no ledger.

    An exporter may start or stop meanwhile: what was read across that is thrown away and read again. Raises
    `LedgerError` for a file that is foreign, damaged or not readable, and for a ledger of another version.
    """
    path = Path(url.database or "").resolve()
    with translated(path):
        for _ in range(_TRIES - 1):
            mode = _mode(path)
            try:
                told = _read(path, mode, look)
            except (DBAPIError, sqlite3.Error):
                continue
            if mode == _mode(path):
                return told
        return _read(path, _mode(path), look)


def _mode(path: Path) -> str | None:
    """Return how the file is to be opened; None where there is none."""
    if not path.exists():
        return None
    log, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if index.exists() and log.exists():
        return _LIVE
    if log.exists() and log.stat().st_size:
        raise LedgerError(f"{path}: its write-ahead log has no index; start the exporter on it once, which makes one")
    return _AT_REST


def _read(path: Path, mode: str | None, look: Callable[[Connection], Told]) -> Told | None:
    if mode is None:
        return None
    address = f"file:{quote(str(path))}?{mode}"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True, timeout=_PATIENCE), poolclass=NullPool
    )
    with closing(engine.connect()) as connection:
        connection.exec_driver_sql("BEGIN")
        return look(connection) if _has_tables(connection, path) else None


def _has_tables(connection: Connection, path: Path) -> bool:
    """Return whether the ledger was set up already; refuse what is none of ours, or of another version."""
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    is_empty = connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is None
    if is_empty and application in (0, APPLICATION_ID):
        return False
    if application != APPLICATION_ID:
        raise LedgerError(f"{path}: a SQLite database of something else; give another ledger.url")
    schema.refuse_other_versions(connection, str(path))
    return True
