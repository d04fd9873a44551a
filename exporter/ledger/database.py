"""What the ledger asks of its database, whichever that is."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Executable, Table, make_url

from exporter.ledger.errors import LedgerError
from exporter.ledger.members import Members
from exporter.ledger.sqlite import SQLiteDatabase

Upsert = Callable[[Table, Callable[[Any], Mapping[str, Any]]], Executable]
"""Makes an INSERT into a table; where the key is there already, it sets what a function tells of the row refused."""


class Database(Protocol):
    """A ledger's database with all tables of this version, on which this process works until it is closed.

    Where it is shared, a process has the shards whose locks its session holds, and loses them with its session.
    """

    @property
    def upsert(self) -> Upsert:
        """What makes an upsert in the words of this database; the same one for all ledgers of its kind."""

    @property
    def where(self) -> str:
        """What messages call it; without a password."""

    def begin(self, error_type: type[LedgerError] = LedgerError) -> AbstractContextManager[Connection]:
        """Give a transaction, committed where the block ends without an error; one at a time.

        Raises `error_type` where the database refuses: with its name, the cause and what to do; `LedgerTaken` where
        another exporter has it meanwhile.
        """

    def members(self, connection: Connection) -> Members:
        """Return who shares it now."""

    def lock(self, connection: Connection, shards: Iterable[int], number: int) -> frozenset[int]:
        """Lock up to `number` of these shards, the first ones that nobody has; return them."""

    def keep_locked(self, connection: Connection, shards: Collection[int]) -> frozenset[int]:
        """Keep the locks of these shards and free all others; return those that are locked, be it in a new session."""

    def close(self) -> None:
        """End the use of it, so that another exporter may take it."""


def open_database(url: str, shards: int | None = 1) -> Database:
    """Take the database at `url` for this process, with its tables made or brought to this version and so many shards.

    None leaves a ledger divided as it is, and has it alone. One that is divided is shared with all who ask for as many.
    Raises `LedgerError` where it is in use, not reachable, foreign, newer or damaged; it is left as it was.
    """
    parsed = make_url(url)
    if parsed.drivername == "postgresql+psycopg":
        from exporter.ledger.postgresql import PostgreSQLDatabase  # its dialect takes time to import

        return PostgreSQLDatabase(parsed, shards)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise LedgerError(f"{parsed.render_as_string()}: expected sqlite:/// and a file, or postgresql+psycopg://")
    return SQLiteDatabase(parsed, shards)
