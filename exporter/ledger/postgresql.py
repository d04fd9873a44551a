"""A PostgreSQL ledger: one session that holds a lock and does all the writing, and what its errors mean."""

import os
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Executable, Table, create_engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.pool import StaticPool

from exporter.ledger import postgresql_locks as locks
from exporter.ledger import schema
from exporter.ledger.dividing import divide
from exporter.ledger.errors import LedgerError, LedgerTaken
from exporter.ledger.members import Members
from exporter.ledger.postgresql_waits import cut_silent

_HELD = "holds the lock"
_TRIES = 2
_CONNECTING = {
    "connect_timeout": "5",
    # A server that is gone without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
_SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    # And so is an exporter, by the server: its lock is free then.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
_LOCK_NOT_AVAILABLE = "55P03"
_RESTORE = "its tables were changed: restore the database from a backup, or give another ledger.url"
_ADVICE = {
    "25006": "it only reads: name the primary, or all hosts and target_session_attrs=read-write",
    "42501": "let this user create tables in the schema, and own those that are there",
    "42703": _RESTORE,
    "42P01": _RESTORE,
    "53100": "make room on the server's disk",
    _LOCK_NOT_AVAILABLE: "another session holds what this one needs: see pg_stat_activity, and end that one",
    "57014": "the server took longer than statement_timeout: see what keeps it busy in pg_stat_activity",
    "XX001": "the database is damaged: restore it from a backup",
    "XX002": "an index is damaged: REINDEX, or restore the database from a backup",
}
_GONE = "it goes on once the server answers again"
_REACH = "see that the server runs, and that host, user, password and database of ledger.url are right"
# A process that is stopped does not answer any more, but its kernel does: it loses its shards when it is silent.
_SHARED_SETTINGS = {"idle_session_timeout": "30s"}
# What a database in trouble raises. Other errors (a constraint, a wrong statement) would be bugs of ours.
_TROUBLE = (InterfaceError, InternalError, OperationalError)

_TABLES = text("""
    SELECT relname, obj_description(oid, 'pg_class') AS mark FROM pg_class
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relname = ANY(:names)
""")
# A commit is on disk before it is answered, whatever the database's default; a stricter default stays.
_DURABLE = text(
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)

Told = TypeVar("Told")


def upsert(table: Table, changed: Callable[[Any], Mapping[str, Any]]) -> Executable:
    """Return an INSERT that sets what `changed` tells of the row refused where its key is there already."""
    statement = insert(table)
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed(statement.excluded))


class PostgreSQLDatabase:
    """The ledger in a schema of a database; see `Database`.

    Its locks belong to the session that writes, so that no commit is made without them. Where the session broke, the
    next transaction begins another one, which takes the lock of the ledger first.
    """

    upsert = staticmethod(upsert)

    def __init__(self, url: URL, shards: int | None) -> None:
        self._url = url
        self._is_shared = shards is not None and shards > 1
        self._sessions: set[locks.Session] = set()  # all that were ours
        self._was_held = False
        self._engine = _make_engine(url, _SETTINGS | _SHARED_SETTINGS if self._is_shared else _SETTINGS)
        try:
            with self.begin() as connection:
                _prepare(connection, self.where, shards)
        except BaseException:
            self.close()
            raise

    @property
    def where(self) -> str:
        """The URL, its password hidden."""
        return self._url.render_as_string()

    @contextmanager
    def begin(self, error_type: type[LedgerError] = LedgerError) -> Iterator[Connection]:
        """Give a transaction of the session that holds the lock. Raises as `Database.begin`."""
        with translated(self._url, error_type), self._engine.connect() as connection:
            if _HELD not in connection.info:  # which ends with the session
                self._hold(connection, error_type)
                connection.info[_HELD] = True
            with connection.begin():
                yield connection

    def members(self, connection: Connection) -> Members:
        """Return who shares the ledger now; the session of who was silent for too long is ended."""
        locks.end_silent(connection)
        return locks.members(connection)

    def lock(self, connection: Connection, shards: Iterable[int], number: int) -> frozenset[int]:
        """Lock up to `number` of these shards, the first ones that nobody has; return them."""
        return locks.lock_shards(connection, shards, number)

    def keep_locked(self, connection: Connection, shards: Collection[int]) -> frozenset[int]:
        """Keep the locks of these shards and free all others; return those that are locked, be it in a new session."""
        return locks.keep_locked(connection, shards)

    def close(self) -> None:
        """End the session, and with it its locks."""
        self._engine.dispose()

    def _hold(self, connection: Connection, error_type: type[LedgerError]) -> None:
        """Take the lock. Raises `LedgerError` where others are in the way, `LedgerTaken` where it was ours before."""
        with connection.begin():
            own = locks.own_session(connection)
            earlier, self._sessions = self._sessions - {own}, self._sessions | {own}
        for _ in range(_TRIES):
            if _lock(connection, self.where, alone=not self._is_shared):
                # Who shares the ledger gets the lock beside an earlier session, which may still commit something.
                if all(locks.outlive(connection, session) for session in earlier):
                    self._was_held = True
                    return
                continue
            with connection.begin():
                holder = locks.holder(connection)
            if holder is None:
                continue
            session = locks.Session(holder.pid, holder.since)
            if session not in earlier:
                raise self._held_by(holder)
            # The server has not heard yet that the connection of an earlier session broke.
            locks.end_session(connection, session)
        raise error_type(f"{self.where}: its lock was not free in time; try again")

    def _held_by(self, holder: Any) -> Exception:
        told = f"{self.where}: in use by another exporter ({_told(holder)})"
        if self._is_shared:
            return LedgerError(f"{told}, which does not share it: give all of them the same number of shards")
        if not self._was_held:
            return LedgerError(f"{told}; stop it, or give this one its own ledger.url")
        return LedgerTaken(f"{told}, which took it when this one had lost its connection; one of them is enough")


def read_beside(url: URL, look: Callable[[Connection], Told]) -> Told | None:
    """Return what `look` reads of the ledger at `url`, as of one moment; None where there is no ledger.

    Needs no lock, and no right but to read. Raises `LedgerError` where the database is not reachable or foreign, and
    for a ledger of another version.
    """
    engine = _make_engine(url, _SETTINGS).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    try:
        with translated(url), closing(engine.connect()) as connection, connection.begin():
            where = url.render_as_string()
            if not _has_tables(connection, where):
                return None
            schema.refuse_other_versions(connection, where)
            return look(connection)
    finally:
        engine.dispose()


@contextmanager
def translated(url: URL, error_type: type[LedgerError] = LedgerError) -> Iterator[None]:
    """Turn what the database raises into `error_type`, with the URL but its password, the cause and what to do."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if not isinstance(error, _TROUBLE) and state not in _ADVICE:
            raise
        cause = " ".join(str(error.orig).split())
        if url.password:
            cause = cause.replace(str(url.password), "***")
        advice = _ADVICE.get(state or "", _GONE if error.connection_invalidated else _REACH)
        raise error_type(f"{url.render_as_string()}: {cause}; {advice}") from None


def _make_engine(url: URL, settings: Mapping[str, str]) -> Engine:
    """Return an engine of one connection, with our time-outs where the URL has none of its own."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    arguments = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    arguments["application_name"] = f"bkmonitor-flow-exporter {os.getpid()}@{socket.gethostname()}"
    arguments["options"] = f"{options} {url.query.get('options', '')}"
    try:
        engine = create_engine(url, poolclass=StaticPool, connect_args=arguments, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"{url.render_as_string()}: {error}; pip install 'bkmonitor-flow-exporter[postgresql]'"
        ) from None
    cut_silent(engine)
    return engine


def _lock(connection: Connection, where: str, *, alone: bool) -> bool:
    """Return whether the session got the lock, within a moment that an exporter needs to end."""
    try:
        with connection.begin():
            connection.execute(text("SET LOCAL lock_timeout = '2s'"))
            locked = locks.lock_ledger(connection, alone=alone)
            connection.execute(_DURABLE)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        return False
    if not locked:
        raise LedgerError(f"{where}: there is no schema to work in; CREATE SCHEMA one of this user's search_path")
    return True


def _told(holder: Any) -> str:
    """Return who holds the lock; the server tells users only of sessions of their own."""
    address = f"at {holder.address}" if holder.address else "at a socket of the server"
    return f"{holder.name}, {address}, session {holder.pid}" if holder.name else f"session {holder.pid}"


def _prepare(connection: Connection, where: str, shards: int | None) -> None:
    """Tell our tables from others before anything is written, then create, upgrade or divide them."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise LedgerError(f"{where}: the database has the encoding {encoding}; give one that was created with UTF8")
    locks.begin_preparing(connection)
    if not _has_tables(connection, where):
        schema.create(connection, shards or 1)
        return
    schema.upgrade(connection, where)
    if shards is None:
        return
    before = connection.execute(select(schema.ledger.c.shards)).scalar_one()
    if before != shards and locks.is_any_shard_locked(connection, before):
        raise LedgerError(
            f"{where}: exporters that run now have divided it into {before} shards; stop them all to divide it anew, "
            f"or give this one shards: {before}"
        )
    divide(connection, where, shards)


def _has_tables(connection: Connection, where: str) -> bool:
    """Return whether the ledger was set up already; refuse what is none of ours."""
    tables = connection.execute(_TABLES, {"names": list(schema.metadata.tables)})
    found = {table.relname: table.mark for table in tables}
    if found and found.get(schema.ledger.name) != schema.MARK:
        raise LedgerError(
            f"{where}: has tables of something else ({', '.join(sorted(found))}); "
            "give another database or schema, nothing was overwritten"
        )
    return bool(found)
