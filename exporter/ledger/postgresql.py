"""A PostgreSQL ledger: one session that holds a lock and does all the writing, and what its errors mean."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import URL, Connection, Engine, Executable, Table, create_engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.pool import StaticPool

from exporter.ledger import schema
from exporter.ledger.errors import LedgerError, LedgerTaken
from exporter.ledger.sqlite import APPLICATION_ID

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
# What a database in trouble raises. Other errors (a constraint, a wrong statement) would be bugs of ours.
_TROUBLE = (InterfaceError, InternalError, OperationalError)

# Advisory locks are each database's own; the id of the schema tells its ledgers apart.
_LOCK = text("""
    SELECT pg_advisory_lock((CAST(:application AS bigint) << 32) | CAST(oid AS bigint))
    FROM pg_namespace WHERE nspname = current_schema()
""").bindparams(application=APPLICATION_ID)
_HOLDER = text("""
    SELECT pid, CAST(backend_start AS text) AS since, application_name AS name, host(client_addr) AS address
    FROM pg_locks
    JOIN pg_stat_activity USING (pid)
    JOIN pg_database ON pg_database.oid = database AND pg_database.datname = current_database()
    JOIN pg_namespace ON pg_namespace.oid = objid AND nspname = current_schema()
    WHERE locktype = 'advisory' AND granted AND classid = CAST(:application AS bigint) AND objsubid = 1
""").bindparams(application=APPLICATION_ID)
_OWN = text("SELECT pid, CAST(backend_start AS text) AS since FROM pg_stat_activity WHERE pid = pg_backend_pid()")
_TABLES = text("""
    SELECT relname, obj_description(oid, 'pg_class') AS mark FROM pg_class
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relname = ANY(:names)
""")
# A commit is on disk before it is answered, whatever the database's default; a stricter default stays.
_DURABLE = text(
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)

Told = TypeVar("Told")


class _Session(NamedTuple):
    """A session of the server; another one may get its pid, but did not begin at the same moment."""

    pid: int
    since: str


def upsert(table: Table, changed: Callable[[Any], Mapping[str, Any]]) -> Executable:
    """Return an INSERT that sets what `changed` tells of the row refused where its key is there already."""
    statement = insert(table)
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed(statement.excluded))


class PostgreSQLDatabase:
    """The ledger in a schema of a database; see `Database`.

    The lock belongs to the session that writes, so that no commit is made without it. Where the session broke, the
    next transaction begins another one, which takes the lock first.
    """

    upsert = staticmethod(upsert)

    def __init__(self, url: URL) -> None:
        self._url = url
        self._sessions: set[_Session] = set()  # all that were ours
        self._was_held = False
        self._engine = _make_engine(url)
        try:
            with self.begin() as connection:
                _prepare(connection, self.where)
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

    def close(self) -> None:
        """End the session, and with it the lock."""
        self._engine.dispose()

    def _hold(self, connection: Connection, error_type: type[LedgerError]) -> None:
        """Take the lock. Raises `LedgerError` where another exporter has it, `LedgerTaken` where it was ours before."""
        with connection.begin():
            self._sessions.add(_Session(*connection.execute(_OWN).one()))
        for _ in range(_TRIES):
            if _lock(connection, self.where):
                self._was_held = True
                return
            with connection.begin():
                holder = connection.execute(_HOLDER).first()
                if holder is not None and _Session(holder.pid, holder.since) in self._sessions:
                    # The server has not heard yet that the connection of an earlier session broke.
                    connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": holder.pid})
                elif holder is not None:
                    told = f"{self.where}: in use by another exporter ({_told(holder)})"
                    if not self._was_held:
                        raise LedgerError(f"{told}; stop it, or give this one its own ledger.url")
                    raise LedgerTaken(
                        f"{told}, which took it when this one had lost its connection; one of them is enough"
                    )
        raise error_type(f"{self.where}: its lock was not free in time; try again")


def read_beside(url: URL, look: Callable[[Connection], Told]) -> Told | None:
    """Return what `look` reads of the ledger at `url`, as of one moment; None where there is no ledger.

    Needs no lock, and no right but to read. Raises `LedgerError` where the database is not reachable or foreign, and
    for a ledger of another version.
    """
    engine = _make_engine(url).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
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


def _make_engine(url: URL) -> Engine:
    """Return an engine of one connection, with our time-outs where the URL has none of its own."""
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    arguments = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    arguments["application_name"] = f"bkmonitor-flow-exporter {os.getpid()}@{socket.gethostname()}"
    arguments["options"] = f"{settings} {url.query.get('options', '')}"
    try:
        return create_engine(url, poolclass=StaticPool, connect_args=arguments, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"{url.render_as_string()}: {error}; pip install 'bkmonitor-flow-exporter[postgresql]'"
        ) from None


def _lock(connection: Connection, where: str) -> bool:
    """Return whether the session got the lock, within a moment that an exporter needs to end."""
    try:
        with connection.begin():
            connection.execute(text("SET LOCAL lock_timeout = '2s'"))
            locked = connection.execute(_LOCK).first() is not None
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


def _prepare(connection: Connection, where: str) -> None:
    """Tell our tables from others before anything is written, then create or upgrade them."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise LedgerError(f"{where}: the database has the encoding {encoding}; give one that was created with UTF8")
    if _has_tables(connection, where):
        schema.upgrade(connection, where)
    else:
        schema.create(connection)


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
