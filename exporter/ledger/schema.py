"""The ledger's tables and their version."""

import structlog
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from exporter.ledger.errors import LedgerError
from exporter.ledger.migrations import MIGRATIONS, Migrations

log = structlog.get_logger()

VERSION = 5
FREE = ""
"""In place of the id of a commit: nobody has the shard, and nobody tells anything of it any more."""
MARK = "ledger of bkmonitor-flow-exporter"  # by which our tables are told from others, where SQLite has an id for that

metadata = MetaData()


def _shard_of_key() -> Column[int]:
    return Column("shard", Integer, primary_key=True, autoincrement=False)


ledger = Table(
    "ledger",
    metadata,
    Column("schema_version", Integer, nullable=False),
    Column("shards", Integer, nullable=False, server_default=text("1")),  # since version 5: into how many it is divided
    comment=MARK,
)

shards = Table(  # since version 5
    "shards",
    metadata,
    _shard_of_key(),
    Column("commit_id", String, nullable=False),  # another one for each commit, or `FREE`
)

sources = Table(
    "sources",
    metadata,
    Column("name", String, primary_key=True),
    _shard_of_key(),
    Column("baseline_at", Float, nullable=False),  # no row: the baseline is not complete yet
)

watches = Table(
    "watches",
    metadata,
    Column("source", String, primary_key=True),
    Column("watch", String, primary_key=True),
    _shard_of_key(),
    Column("last_good_cycle_at", Float, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("source", String, primary_key=True),
    Column("alert_id", String, primary_key=True),
    Column("labels", String, nullable=False),
    Column("first_seen_at", Float, nullable=False),
    Column("counts_from", Float, nullable=False),
    Column("read_at", Float),
    Column("created_at", Float),
    Column("creation_recorded", Boolean, nullable=False),
    Column("counted", String, nullable=False),
    Column("rejected", String, nullable=False),
    Column("acked_at", Float),
    Column("ack_observed", Boolean, nullable=False),
    Column("first_action_at", Float),
    Column("first_action_observed", Boolean, nullable=False),
    Column("ended_at", Float),
    Column("end_observed", Boolean, nullable=False),
    Column("end_recorded", Boolean, nullable=False),
    Column("outcome", String),
    Column("settles_at", Float),
    Column("rested_at", Float),
    Column("anomaly_count", Float),  # a sum of what a server says: may exceed 64 bits
    Column("watch", String, nullable=False),
    Column("quiet_reads", Integer, nullable=False),
    # Since version 2:
    Column("ack_sighted_at", Float),
    Column("ack_target", Float),
    Column("deadline_result", String),
    # Since version 3; before, one text held all that a search told:
    Column("sighting_fields", String),  # none: no search found it
    Column("sighting_acked", Boolean),
    Column("sighting_shielded", Boolean),
    Column("sighting_created_at", Float),
    Column("sighting_ended_at", Float),
    Column("sighting_outcome", String),
    Column("shard", Integer, nullable=False, server_default=text("0")),  # since version 5
    # The source as well, so that what rested last in a source is found without a look at the rows.
    Index("alerts_rested", "rested_at", "source"),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("total", String, nullable=False),
    Column("labels", String, nullable=False),
    Column("served_at", Float),
    Column("revealed", Boolean, nullable=False),
    Column("created_at", Float),  # since version 2; none: it began with history, not at 0
    Column("shard", Integer, nullable=False, server_default=text("0")),  # since version 5: in charge of it
    UniqueConstraint("total", "labels").ddl_if(dialect="sqlite"),
)
# An entry of an index of PostgreSQL ends at 2,700 bytes, and labels do not.
Index("series_key", series.c.total, func.hashtextextended(series.c.labels, 0), unique=True).ddl_if(dialect="postgresql")

cells = Table(
    "cells",
    metadata,
    Column("series_id", ForeignKey("series.id", ondelete="CASCADE"), primary_key=True),
    Column("cell", String, primary_key=True),
    Column("value", Float, nullable=False),
    sqlite_with_rowid=False,  # the key is two thirds of a row: it would stand in the file twice
)

bounds = Table(
    "bounds",
    metadata,
    Column("total", String, primary_key=True),
    _shard_of_key(),
    Column("bounds", String, nullable=False),
)


def create(connection: Connection, number: int) -> None:
    """Make the tables of this version in an empty database, divided into `number` shards."""
    metadata.create_all(connection)
    connection.execute(insert(ledger).values(schema_version=VERSION))
    set_shards(connection, number)


def set_shards(connection: Connection, number: int) -> None:
    """Have so many shards, none of which anybody has; who had one cannot commit in it any more."""
    connection.execute(update(ledger).values(shards=number))
    connection.execute(delete(shards))
    connection.execute(insert(shards), [{"shard": shard, "commit_id": FREE} for shard in range(number)])


def upgrade(connection: Connection, where: str, migrations: Migrations = MIGRATIONS, version: int = VERSION) -> None:
    """Bring the tables to `version`.

    Raises `LedgerError` for a ledger that a newer exporter wrote: its meaning is not known here.
    """
    # Whoever commits meanwhile waits, and then finds a ledger of a version that is not its own.
    found = connection.execute(select(ledger.c.schema_version).with_for_update()).scalar_one()
    if found > version:
        raise LedgerError(
            f"{where}: schema version {found} was written by a newer exporter, this one knows up to {version}; "
            "run the newer one, or give another ledger.url"
        )
    for step in range(found, version):
        migrations[step](connection)
    if found < version:
        connection.execute(update(ledger).values(schema_version=version))
        log.info("ledger upgraded", file=where, from_version=found, to_version=version)


def refuse_other_versions(connection: Connection, where: str) -> None:
    """Raise `LedgerError` for a ledger of another version than this one's: it is neither read nor upgraded."""
    found = connection.execute(select(ledger.c.schema_version)).scalar_one()
    if found < VERSION:
        raise LedgerError(
            f"{where}: schema version {found} is older than this exporter's {VERSION}; "
            "start the exporter on it once, which upgrades it"
        )
    if found > VERSION:
        raise LedgerError(
            f"{where}: schema version {found} was written by a newer exporter, this one knows up to {VERSION}; "
            "run the newer one"
        )
