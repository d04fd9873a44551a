"""Export and import of a whole ledger, as lines that are the same whichever database keeps it."""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from typing import Any, BinaryIO

from sqlalchemy import Column, Connection, Row, Select, String, Table, collate, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from exporter.ledger import schema
from exporter.ledger.database import open_database
from exporter.ledger.dividing import divide
from exporter.ledger.errors import LedgerError, LedgerTaken
from exporter.ledger.lines import CELLS, COLUMNS, Binary, Reader, Writer, number
from exporter.ledger.reading import read_beside

_ROWS_AT_ONCE = 1_000
# Databases sort text by their own locales; by code points, all of them have one order.
_BY_CODE_POINTS = {"sqlite": "BINARY", "postgresql": "C"}
_DATA = (schema.alerts, schema.series, schema.cells, schema.sources, schema.watches)

Counts = Mapping[str, int]
"""How many rows of each table there are."""


def export_ledger(url: str, file: BinaryIO, *, compressed: bool) -> Counts | None:
    """Write all that is committed at `url`, as of one moment, into a seekable file; return how many rows of each table.

    May run beside the exporter. None where there is no ledger. Raises `LedgerError` as `read_beside` does.
    """

    def write(connection: Connection) -> Counts:
        file.seek(0)  # what was written before, across a start or an end of the exporter, counts no more
        file.truncate()
        if not compressed:
            return _write(connection, file)
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:  # equal ledgers, equal files
            return _write(connection, packed)

    return read_beside(url, write)


def import_ledger(url: str, file: BinaryIO, name: str, *, compressed: bool, shards: int = 1) -> Counts:
    """Fill an empty ledger, made where there is none, from an export called `name`; return how many rows of each table.

    It is divided into so many `shards` then, whatever it was where it comes from. All or nothing, in one transaction.
    Raises `LedgerError` where the ledger is not empty or an exporter runs on it, and for a file that is no export of
    this version, cut or damaged.
    """
    lines = Reader(gzip.GzipFile(fileobj=file) if compressed else file, name)
    with closing(open_database(url, None)) as database:
        try:
            with database.begin() as connection:
                _refuse_what_is_not_empty(connection, database.where)
                _read(lines, connection)
                divide(connection, database.where, shards)
        except LedgerTaken as error:
            raise LedgerError(str(error)) from None
    return lines.counts


def rows_of(connection: Connection, table: Table, *more: ColumnElement[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of a table in the order of its key; `more` is what they are to tell besides."""
    return _streamed(connection, select(table, *more), table.primary_key.columns)


def series_with_cells(connection: Connection) -> Iterator[tuple[Row[Any], dict[str, float]]]:
    """Yield the row of each series, and the values of its cells by their names; in the order of total and labels."""
    series, cells = schema.series.c, schema.cells.c
    joined = select(schema.series, cells.cell, cells.value).outerjoin(schema.cells)
    rows = _streamed(connection, joined, (series.total, series.labels, cells.cell))
    for _, of_one in groupby(rows, key=itemgetter(0)):
        first, *others = of_one
        yield first, {row.cell: row.value for row in (first, *others) if row.cell is not None}


def _streamed(
    connection: Connection, statement: Select[Any], order: Iterable[ColumnElement[Any] | Column[Any]]
) -> Iterator[Row[Any]]:
    collation = _BY_CODE_POINTS[connection.dialect.name]
    texts = (collate(column, collation) if isinstance(column.type, String) else column for column in order)
    ordered = statement.order_by(*texts)
    return iter(connection.execute(ordered.execution_options(yield_per=_ROWS_AT_ONCE)))


def _write(connection: Connection, file: Binary) -> Counts:
    lines = Writer(file, connection.execute(select(schema.ledger.c.shards)).scalar_one())
    for name in COLUMNS:
        if name != schema.series.name:
            for row in rows_of(connection, schema.metadata.tables[name]):
                lines.row(name, row)
    for (_, *values), cells in ((row[: len(schema.series.c)], cells) for row, cells in series_with_cells(connection)):
        lines.row(schema.series.name, values, {name: number(value) for name, value in cells.items()})
    lines.end()
    return lines.counts


def _refuse_what_is_not_empty(connection: Connection, where: str) -> None:
    for table in _DATA:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise LedgerError(f"{where}: has {table.name} already; import into an empty ledger, nothing was imported")


def _read(lines: Reader, connection: Connection) -> None:
    connection.execute(delete(schema.bounds))  # an exporter writes them before anything else
    schema.set_shards(connection, lines.shards)
    for table_name, rows in _batches(lines.rows()):
        try:
            _insert(connection, table_name, rows)
        except IntegrityError:
            raise lines.fault(f"{table_name}: one row stands there twice: the file is damaged") from None


def _batches(rows: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield rows of one table together, so many at once that none waits for long and memory is bounded."""
    for table_name, of_one in groupby(rows, key=itemgetter(0)):
        batch: list[dict[str, Any]] = []
        for _, row in of_one:
            batch.append(row)
            if len(batch) == _ROWS_AT_ONCE:
                yield table_name, batch
                batch = []
        if batch:
            yield table_name, batch


def _insert(connection: Connection, table_name: str, rows: list[dict[str, Any]]) -> None:
    if table_name != schema.series.name:
        connection.execute(insert(schema.metadata.tables[table_name]), rows)
        return
    held = [row.pop(CELLS) for row in rows]
    inserting = insert(schema.series).returning(schema.series.c.id, sort_by_parameter_order=True)
    ids = connection.execute(inserting, rows).scalars().all()
    cells = [
        {"series_id": series_id, "cell": name, "value": value}
        for series_id, values in zip(ids, held, strict=True)
        for name, value in values.items()
    ]
    if cells:
        connection.execute(insert(schema.cells), cells)
