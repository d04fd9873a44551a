"""The way from an older version of the ledger's tables to this one, a step for each version."""

import json
from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import Connection, bindparam, column, select, table, text, update

from exporter.ledger.rows import watch_key

Migrations = Mapping[int, Callable[[Connection], None]]
_ROWS_PER_STEP = 5_000
# Of version 3: what a sighting's text called it, and its kind.
_SPLIT_SIGHTING = {
    "sighting_fields": ("fields", "VARCHAR"),
    "sighting_acked": ("is_acked", "BOOLEAN"),
    "sighting_shielded": ("is_shielded", "BOOLEAN"),
    "sighting_created_at": ("created_at", "FLOAT"),
    "sighting_ended_at": ("ended_at", "FLOAT"),
    "sighting_outcome": ("outcome", "VARCHAR"),
}


def _to_version_2(connection: Connection) -> None:
    """Ack deadlines, and the births of series; the alerts so far have no target, the series no birth."""
    for name, kind in (("ack_sighted_at", "FLOAT"), ("ack_target", "FLOAT"), ("deadline_result", "VARCHAR")):
        connection.execute(text(f"ALTER TABLE alerts ADD COLUMN {name} {kind}"))
    connection.execute(text("ALTER TABLE series ADD COLUMN created_at FLOAT"))


def _to_version_3(connection: Connection) -> None:
    """The last sighting in columns of its own; cells and their key in one tree; an index that tells the source, too."""
    for name, (_, kind) in _SPLIT_SIGHTING.items():
        connection.execute(text(f"ALTER TABLE alerts ADD COLUMN {name} {kind}"))
    _split_sightings(connection)
    for statement in (
        "ALTER TABLE alerts DROP COLUMN sighting",
        "DROP INDEX alerts_rested_at",
        "CREATE INDEX alerts_rested ON alerts (rested_at, source)",
        """CREATE TABLE cells_3 (
            series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            cell VARCHAR NOT NULL,
            value FLOAT NOT NULL,
            PRIMARY KEY (series_id, cell)
        ) WITHOUT ROWID""",
        "INSERT INTO cells_3 SELECT series_id, cell, value FROM cells",
        "DROP TABLE cells",
        "ALTER TABLE cells_3 RENAME TO cells",
    ):
        connection.execute(text(statement))


def _split_sightings(connection: Connection) -> None:
    # Not in SQL: a time that SQLite reads from a text may differ in its last bit.
    old = table("alerts", column("rowid"), column("sighting"), *map(column, _SPLIT_SIGHTING))
    page = select(old.c.rowid, old.c.sighting).where(old.c.sighting.is_not(None)).order_by(old.c.rowid)
    after = -1
    while rows := connection.execute(page.where(old.c.rowid > after).limit(_ROWS_PER_STEP)).all():
        split = []
        for row, sighting in rows:
            told = json.loads(sighting)
            told["fields"] = json.dumps(told["fields"], ensure_ascii=False, separators=(",", ":"))
            split.append({"row": row} | {name: told[was] for name, (was, _) in _SPLIT_SIGHTING.items()})
        connection.execute(update(old).where(old.c.rowid == bindparam("row")), split)
        after = rows[-1][0]


def _to_version_4(connection: Connection) -> None:
    """A trace of each commit; names of watches that fit into an index of any database."""
    connection.execute(text("ALTER TABLE ledger ADD COLUMN commit_id VARCHAR DEFAULT '' NOT NULL"))
    watches = table("watches", column("watch"))
    renaming = update(watches).where(watches.c.watch == bindparam("was")).values(watch=bindparam("key"))
    for (name,) in connection.execute(select(watches.c.watch).distinct()).all():
        if watch_key(name) != name:
            connection.execute(renaming, {"was": name, "key": watch_key(name)})


def _to_version_5(connection: Connection) -> None:
    """Shards, of which there is one so far; each has a trace of its last commit."""
    for statement in (
        "ALTER TABLE ledger ADD COLUMN shards INTEGER DEFAULT 1 NOT NULL",
        "CREATE TABLE shards (shard INTEGER NOT NULL PRIMARY KEY, commit_id VARCHAR NOT NULL)",
        "INSERT INTO shards SELECT 0, commit_id FROM ledger",
        "ALTER TABLE ledger DROP COLUMN commit_id",
        "ALTER TABLE alerts ADD COLUMN shard INTEGER DEFAULT 0 NOT NULL",
        "ALTER TABLE series ADD COLUMN shard INTEGER DEFAULT 0 NOT NULL",
        *_with_shard_in_key("sources", "name VARCHAR NOT NULL", "baseline_at FLOAT NOT NULL"),
        *_with_shard_in_key(
            "watches", "source VARCHAR NOT NULL, watch VARCHAR NOT NULL", "last_good_cycle_at FLOAT NOT NULL"
        ),
        *_with_shard_in_key("bounds", "total VARCHAR NOT NULL", "bounds VARCHAR NOT NULL"),
    ):
        connection.execute(text(statement))


def _with_shard_in_key(name: str, key: str, value: str) -> Iterator[str]:
    """Yield what makes a table anew with its shard as the last column of its key: SQLite changes no key."""
    columns = ", ".join(column.split()[0] for column in key.split(", "))
    yield f"CREATE TABLE {name}_5 ({key}, shard INTEGER NOT NULL, {value}, PRIMARY KEY ({columns}, shard))"
    yield f"INSERT INTO {name}_5 SELECT {columns}, 0, {value.split()[0]} FROM {name}"  # noqa: S608 - names of ours
    yield f"DROP TABLE {name}"
    yield f"ALTER TABLE {name}_5 RENAME TO {name}"


MIGRATIONS: Migrations = {1: _to_version_2, 2: _to_version_3, 3: _to_version_4, 4: _to_version_5}
"""Version n -> the change that makes it n + 1. Runs inside one transaction with all the others that are due."""
