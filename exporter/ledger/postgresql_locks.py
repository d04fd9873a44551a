"""The advisory locks of a PostgreSQL ledger: its own, and one for each shard. They belong to a session and end with it.

The ledger's own is held by one exporter alone, or shared by all its members. Advisory locks are each database's own;
the id of the schema tells its ledgers apart.
"""

import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, Row, TextClause, text

from exporter.ledger.members import Members
from exporter.ledger.sqlite import APPLICATION_ID

_LAST_COMMIT = 2.0  # seconds
_LOOKS_EVERY = 0.1
_PREPARING = -1  # in place of a shard: who holds it makes or changes the tables
_SHARDS = "locked shards"  # of a session
_KEY = "key of the shards' locks"
_OF_HOLDERS = """
    WITH holders AS (
        SELECT pid FROM pg_locks
        JOIN pg_database ON pg_database.oid = database AND pg_database.datname = current_database()
        JOIN pg_namespace ON pg_namespace.oid = objid AND nspname = current_schema()
        WHERE locktype = 'advisory' AND granted AND classid = CAST(:application AS bigint) AND objsubid = 1
    )
"""


def _bound(statement: str) -> TextClause:
    return text(statement).bindparams(application=APPLICATION_ID)


def _of_holders(statement: str) -> TextClause:
    """Return a statement on the sessions that hold the ledger."""
    return _bound(_OF_HOLDERS + statement)


_ALONE = _bound("""
    SELECT pg_advisory_lock((CAST(:application AS bigint) << 32) | CAST(oid AS bigint))
    FROM pg_namespace WHERE nspname = current_schema()
""")
_SHARED = _bound("""
    SELECT pg_advisory_lock_shared((CAST(:application AS bigint) << 32) | CAST(oid AS bigint))
    FROM pg_namespace WHERE nspname = current_schema()
""")
_HOLDER = _of_holders("""
    SELECT pid, CAST(backend_start AS text) AS since, application_name AS name, host(client_addr) AS address
    FROM holders JOIN pg_stat_activity USING (pid)
    ORDER BY backend_start LIMIT 1
""")
_MEMBERS = _of_holders("""
    SELECT count(*) AS number, count(*) FILTER (WHERE pid < pg_backend_pid()) AS rank, pg_backend_pid() AS session
    FROM holders
""")
# The server's own time-out does not see who is stopped between two messages of a pipeline.
_END_SILENT = _of_holders("""
    SELECT pg_terminate_backend(pid)
    FROM holders JOIN pg_stat_activity USING (pid)
    WHERE usename = current_user AND wait_event = 'ClientRead' AND state_change
        < clock_timestamp() - NULLIF(CAST(current_setting('idle_session_timeout') AS interval), interval '0')
""")
_OWN = text("SELECT pid, CAST(backend_start AS text) AS since FROM pg_stat_activity WHERE pid = pg_backend_pid()")
_IS_THERE = text("SELECT FROM pg_stat_activity WHERE pid = :pid AND CAST(backend_start AS text) = :since")
_END = text("""
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE pid = :pid AND CAST(backend_start AS text) = :since
""")
_KEY_OF_SHARDS = _bound("""
    SELECT CAST(:application AS integer) # CAST(CAST(oid AS bigint) & 2147483647 AS integer)
    FROM pg_namespace WHERE nspname = current_schema()
""")
_PREPARE = text("SELECT pg_advisory_xact_lock(:key, :shard)")
_TRY = text("SELECT pg_try_advisory_lock(:key, :shard)")
_FREE = text("SELECT pg_advisory_unlock(:key, :shard)")
_ANYBODY = text("""
    SELECT EXISTS (
        SELECT FROM pg_locks
        JOIN pg_database ON pg_database.oid = database AND pg_database.datname = current_database()
        WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = CAST(:key AS bigint) AND objid < :shards
    )
""")


class Session(NamedTuple):
    """A session of the server; another one may get its pid, but did not begin at the same moment."""

    pid: int
    since: str


def own_session(connection: Connection) -> Session:
    """Return the session of a connection."""
    return Session(*connection.execute(_OWN).one())


def outlive(connection: Connection, session: Session) -> bool:
    """Give a session whose connection broke a moment for what it is at, then end it; return whether it is over."""
    deadline = time.monotonic() + _LAST_COMMIT
    while time.monotonic() < deadline:
        with connection.begin():
            if connection.execute(_IS_THERE, session._asdict()).first() is None:
                return True
        time.sleep(_LOOKS_EVERY)
    return end_session(connection, session)


def end_session(connection: Connection, session: Session) -> bool:
    """End a session; return whether it is over, within seconds."""
    with connection.begin():
        return connection.execute(_END, session._asdict()).scalar_one_or_none() is not False


def lock_ledger(connection: Connection, *, alone: bool) -> bool:
    """Lock the ledger for this session; return whether there is a schema to have one in. Waits up to `lock_timeout`."""
    return connection.execute(_ALONE if alone else _SHARED).first() is not None


def holder(connection: Connection) -> Row[tuple[int, str, str, str]] | None:
    """Return a session that holds the ledger: its `pid`, `since` when, and the `name` and `address` of its exporter."""
    return connection.execute(_HOLDER).first()


def members(connection: Connection) -> Members:
    """Return how many hold the ledger, and which of them this session is."""
    return Members(*connection.execute(_MEMBERS).one())


def end_silent(connection: Connection) -> None:
    """End the sessions that hold the ledger and have said nothing for longer than `idle_session_timeout`."""
    connection.execute(_END_SILENT)


def begin_preparing(connection: Connection) -> None:
    """Be the only member that looks at the tables, or changes them, until the transaction ends."""
    connection.execute(_PREPARE, {"key": _key(connection), "shard": _PREPARING})


def is_any_shard_locked(connection: Connection, shards: int) -> bool:
    """Return whether any member, be it this one, has any of so many shards."""
    return bool(connection.execute(_ANYBODY, {"key": _key(connection), "shards": shards}).scalar_one())


def lock_shards(connection: Connection, shards: Iterable[int], number: int) -> frozenset[int]:
    """Lock up to `number` of these shards, the first ones that nobody has; return them."""
    locked = connection.info.setdefault(_SHARDS, set())
    taken: set[int] = set()
    for shard in shards:
        if len(taken) == number:
            break
        if shard in locked or connection.execute(_TRY, {"key": _key(connection), "shard": shard}).scalar_one():
            locked.add(shard)
            taken.add(shard)
    return frozenset(taken)


def keep_locked(connection: Connection, shards: Collection[int]) -> frozenset[int]:
    """Keep the locks of these shards and free all others; return those that are locked, be it in a new session."""
    locked = connection.info.setdefault(_SHARDS, set())
    for shard in locked.difference(shards):
        connection.execute(_FREE, {"key": _key(connection), "shard": shard})
        locked.discard(shard)
    return lock_shards(connection, sorted(shards), len(shards))


def _key(connection: Connection) -> int:
    if _KEY not in connection.info:
        connection.info[_KEY] = connection.execute(_KEY_OF_SHARDS).scalar_one()
    return int(connection.info[_KEY])
