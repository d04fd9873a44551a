"""Loading: what of the file the ledger holds in memory, each table read in one pass."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Connection, select

from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.ledger import columns, schema
from exporter.ledger.errors import LedgerError
from exporter.ledger.rows import alerts_from, labels_from
from exporter.ledger.totals import Bounds, Series, SeriesTotal, cell_names
from exporter.ledger.transaction import Key


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the ledger holds in memory of some shards; the names are those of `Ledger`'s own."""

    ids: dict[Series, int]
    totals: dict[Series, SeriesTotal]
    alerts: dict[Key, KnownAlert]
    baselines: dict[tuple[str, int], float]
    good_cycles: dict[tuple[str, str, int], float]


def load(connection: Connection, bounds: Bounds, shards: Collection[int]) -> Loaded:
    """Return what there is of some shards. Raises `LedgerError` for a total that this version does not know."""
    ids, totals = load_totals(connection, bounds, shards)
    sources, watches = schema.sources, schema.watches
    baselines = connection.execute(select(sources).where(sources.c.shard.in_(shards)))
    good_cycles = connection.execute(select(watches).where(watches.c.shard.in_(shards)))
    return Loaded(
        ids,
        totals,
        load_alerts(connection, shards),
        {(row.name, row.shard): row.baseline_at for row in baselines},
        {(row.source, row.watch, row.shard): row.last_good_cycle_at for row in good_cycles},
    )


def load_alerts(connection: Connection, shards: Collection[int]) -> dict[Key, KnownAlert]:
    """Return what is known of the alerts of some shards that do not rest."""
    table = schema.alerts
    unrested = select(*columns.ALERT).where(table.c.rested_at.is_(None), table.c.shard.in_(shards))
    with closing(connection.execute(unrested)) as result:
        # The driver's own rows: to have them made rows of SQLAlchemy takes a sixth of the time that loading takes.
        rows = cast("Iterable[Sequence[Any]]", result.cursor)
        return {known.key: known for known in alerts_from(rows)}


def load_totals(
    connection: Connection, bounds: Bounds, shards: Collection[int]
) -> tuple[dict[Series, int], dict[Series, SeriesTotal]]:
    """Return the id and the total of each series of some shards.

    Raises `LedgerError` for a total that this version does not know.
    """
    table, series_id = schema.series, schema.series.c.id
    chosen = table.c.shard.in_(shards)
    joined = select(series_id, schema.cells.c.cell, schema.cells.c.value).outerjoin(schema.cells)
    cells = joined.where(chosen).order_by(series_id)
    by_series = groupby(connection.execute(cells), key=itemgetter(0))
    ids, totals = {}, {}
    for row, (_, held) in zip(
        connection.execute(select(table).where(chosen).order_by(series_id)), by_series, strict=True
    ):
        if row.total not in set(Total):
            raise LedgerError(f"the ledger holds {row.total!r}, which this version does not know; run a newer one")
        series = Series(Total(row.total), labels_from(row.labels))
        values = {cell: value for _, cell, value in held}
        ids[series] = row.id
        # Most buckets are empty: those share one zero.
        told = tuple(values.get(name) or 0.0 for name in cell_names(series.total, bounds))
        totals[series] = SeriesTotal(told, row.served_at, row.revealed, row.created_at)
    return ids, totals
