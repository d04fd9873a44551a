"""Loading: what of the file the ledger holds in memory, each table read in one pass."""

from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, select

from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.ledger import schema
from exporter.ledger.errors import LedgerError
from exporter.ledger.rows import alerts_from, labels_from
from exporter.ledger.totals import Bounds, Series, SeriesTotal, cell_names
from exporter.ledger.transaction import Key


def load_alerts(connection: Connection) -> dict[Key, KnownAlert]:
    """Return what is known of the alerts that do not rest."""
    rows = connection.execute(select(schema.alerts).where(schema.alerts.c.rested_at.is_(None)))
    return {known.key: known for known in alerts_from(rows)}


def load_totals(connection: Connection, bounds: Bounds) -> tuple[dict[Series, int], dict[Series, SeriesTotal]]:
    """Return the id and the total of each series. Raises `LedgerError` for a total that this version does not know."""
    series_id = schema.series.c.id
    cells = select(series_id, schema.cells.c.cell, schema.cells.c.value).outerjoin(schema.cells).order_by(series_id)
    by_series = groupby(connection.execute(cells), key=itemgetter(0))
    ids, totals = {}, {}
    for row, (_, held) in zip(connection.execute(select(schema.series).order_by(series_id)), by_series, strict=True):
        if row.total not in set(Total):
            raise LedgerError(f"the ledger holds {row.total!r}, which this version does not know; run a newer one")
        series = Series(Total(row.total), labels_from(row.labels))
        values = {cell: value for _, cell, value in held}
        ids[series] = row.id
        # Most buckets are empty: those share one zero.
        told = tuple(values.get(name) or 0.0 for name in cell_names(series.total, bounds))
        totals[series] = SeriesTotal(told, row.served_at, row.revealed, row.created_at)
    return ids, totals
