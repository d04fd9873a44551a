"""The ledger's tables, their version, and the way from an older version to this one."""

from collections.abc import Callable, Mapping

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
    insert,
    select,
    text,
    update,
)

from exporter.ledger.errors import LedgerError

log = structlog.get_logger()

VERSION = 2
Migrations = Mapping[int, Callable[[Connection], None]]

metadata = MetaData()

ledger = Table("ledger", metadata, Column("schema_version", Integer, nullable=False))

sources = Table(
    "sources",
    metadata,
    Column("name", String, primary_key=True),
    Column("baseline_at", Float, nullable=False),  # no row: the baseline is not complete yet
)

watches = Table(
    "watches",
    metadata,
    Column("source", String, primary_key=True),
    Column("watch", String, primary_key=True),
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
    Column("sighting", String),
    Column("quiet_reads", Integer, nullable=False),
    # Since version 2:
    Column("ack_sighted_at", Float),
    Column("ack_target", Float),
    Column("deadline_result", String),
    Index("alerts_rested_at", "rested_at"),
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
    UniqueConstraint("total", "labels"),
)

cells = Table(
    "cells",
    metadata,
    Column("series_id", ForeignKey("series.id", ondelete="CASCADE"), primary_key=True),
    Column("cell", String, primary_key=True),
    Column("value", Float, nullable=False),
)

bounds = Table(
    "bounds",
    metadata,
    Column("total", String, primary_key=True),
    Column("bounds", String, nullable=False),
)


def _to_version_2(connection: Connection) -> None:
    """Ack deadlines, and the births of series; the alerts so far have no target, the series no birth."""
    for column, kind in (("ack_sighted_at", "FLOAT"), ("ack_target", "FLOAT"), ("deadline_result", "VARCHAR")):
        connection.execute(text(f"ALTER TABLE alerts ADD COLUMN {column} {kind}"))
    connection.execute(text("ALTER TABLE series ADD COLUMN created_at FLOAT"))


MIGRATIONS: Migrations = {1: _to_version_2}
"""Version n -> the change that makes it n + 1. Runs inside one transaction with all the others that are due."""


def create(connection: Connection) -> None:
    """Make the tables of this version in an empty database."""
    metadata.create_all(connection)
    connection.execute(insert(ledger).values(schema_version=VERSION))


def upgrade(connection: Connection, where: str, migrations: Migrations = MIGRATIONS, version: int = VERSION) -> None:
    """Bring the tables to `version`.

    Raises `LedgerError` for a ledger that a newer exporter wrote: its meaning is not known here.
    """
    found = connection.execute(select(ledger.c.schema_version)).scalar_one()
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
