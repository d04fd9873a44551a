"""The lines of an export of a ledger: written as they come, and checked as they are read.

Each is a JSON list. The first one names the format, its version, that of the tables, and the columns of each table. A
row begins with the name of its table. The last one has the number of rows of each table, and a checksum of all lines
before.
"""

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, BinaryIO

from sqlalchemy import Boolean, Column, Float, Integer

from exporter.flow.shards import MOST_SHARDS
from exporter.ledger import schema
from exporter.ledger.errors import LedgerError

FORMAT = "bkmonitor-flow-exporter ledger"
FORMAT_VERSION = 1
CELLS = "cells"
"""The column of a series that has the values of its cells by their names."""

_END = "end"
_LONGEST_HEAD = 1 << 16  # bytes
_ENDLESS = {text: float(text) for text in ("inf", "-inf", "nan")}  # JSON has no such numbers: they stand as text
_KINDS: Mapping[type, type] = {Float: float, Integer: int, Boolean: bool}

# A series has no id here, which is each database's own.
_SERIES = (*(column for column in schema.series.c if not column.primary_key), Column(CELLS))
COLUMNS: Mapping[str, Sequence[Column[Any]]] = {
    **{table.name: tuple(table.c) for table in (schema.sources, schema.watches, schema.bounds, schema.alerts)},
    schema.series.name: _SERIES,
}
"""What each table's rows have, in the order in which they are written."""

_HEAD = [FORMAT, FORMAT_VERSION, schema.VERSION, {name: [column.name for column in cs] for name, cs in COLUMNS.items()}]
"""What the first line begins with; it ends with the number of shards."""

Binary = BinaryIO | gzip.GzipFile


class Writer:
    """Writes the lines; `counts` is how many rows of each table there were so far."""

    def __init__(self, file: Binary, shards: int) -> None:
        self._file = file
        self._checksum = hashlib.sha256()
        self._floats = {name: _positions_of_floats(columns) for name, columns in COLUMNS.items()}
        self.counts = Counter(dict.fromkeys(COLUMNS, 0))
        self._write([*_HEAD, shards])

    def row(self, table: str, values: Iterable[Any], *more: object) -> None:
        """Write one row of a table."""
        told = list(values)
        for position in self._floats[table]:
            told[position] = number(told[position])
        self._write([table, *told, *more])
        self.counts[table] += 1

    def end(self) -> None:
        """Write the last line."""
        self._write([_END, self.counts, self._checksum.hexdigest()])

    def _write(self, told: object) -> None:
        line = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        self._checksum.update(line)
        self._file.write(line)


def number(value: float | None) -> float | str | None:
    """Return a number as it stands in a line, where it reads back exactly."""
    return value if value is None or isfinite(value) else repr(value)


class Reader:
    """Reads the lines of the file called `name`; `counts` is how many rows of each table there were so far.

    `shards` are those of the ledger that was exported.

    Making it reads the first line. Raises `LedgerError`, with the line, for a file that is no export, or one of another
    version, and then at what is cut or damaged.
    """

    def __init__(self, file: Binary, name: str) -> None:
        self._file = file
        self._name = name
        self._number = 0
        self._checksum = hashlib.sha256()
        self.counts = Counter(dict.fromkeys(COLUMNS, 0))
        self.shards = self._read_head()

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the table of each row, and its values by the names of its columns; returns after a sound last line."""
        while True:
            line = self._next()
            if not line.endswith(b"\n"):
                raise self.fault("the file is cut: its last line, which has counts and a checksum, is missing")
            try:
                kind, *told = json.loads(line)
            except (ValueError, TypeError):
                raise self.fault("not a line of an export: the file is damaged") from None
            if kind == _END:
                return self._finish(told)
            columns = COLUMNS.get(kind) if isinstance(kind, str) else None
            if columns is None or len(columns) != len(told):
                raise self.fault("not a row of a table: the file is damaged")
            self._checksum.update(line)
            self.counts[kind] += 1
            yield kind, {column.name: self._value(column, value) for column, value in zip(columns, told, strict=True)}

    def fault(self, what: str) -> LedgerError:
        """Return the error that tells what is wrong with the line that was read last."""
        return LedgerError(f"{self._name}:{self._number}: {what}; nothing was imported")

    def _read_head(self) -> int:
        line = self._next(_LONGEST_HEAD)
        try:
            head = json.loads(line)
        except ValueError:
            head = None
        if not isinstance(head, list) or head[:1] != [FORMAT] or [type(told) for told in head[1:3]] != [int, int]:
            raise self.fault("not an export of a ledger; give a file that `ledger export` wrote")
        for what, found, known in zip(("format", "schema"), head[1:3], _HEAD[1:3], strict=True):
            if found > known:
                raise self.fault(f"{what} version {found} was written by a newer exporter; import it with that one")
            if found < known:
                raise self.fault(
                    f"{what} version {found} is older than this exporter's {known}; import it with the exporter that"
                    " wrote it, and start this one on that ledger"
                )
        *known, shards = head
        if known != _HEAD:
            raise self.fault("has other columns than the tables of its version: the file is damaged")
        if type(shards) is not int or not 1 <= shards <= MOST_SHARDS:
            raise self.fault(f"{shards!r} is no number of shards: the file is damaged")
        self._checksum.update(line)
        return shards

    def _next(self, most: int = -1) -> bytes:
        self._number += 1
        try:
            return self._file.readline(most)
        except (OSError, EOFError, zlib.error) as error:
            raise self.fault(f"cannot be read ({error}): the file is cut or damaged") from None

    def _finish(self, told: Sequence[Any]) -> None:
        if list(told) != [self.counts, self._checksum.hexdigest()]:
            raise self.fault("the counts or the checksum of the lines before are others: the file is damaged")
        if self._next():
            raise self.fault("there is more after the last line: the file is damaged")

    def _value(self, column: Column[Any], value: Any) -> Any:
        if column.name == CELLS and isinstance(value, dict):
            return {name: self._value(schema.cells.c.value, held) for name, held in value.items()}
        if value is None and column.nullable:
            return None
        if isinstance(column.type, Float) and isinstance(value, str) and value in _ENDLESS:
            return _ENDLESS[value]
        if type(value) is not _KINDS.get(type(column.type), str) or column.name == CELLS:
            raise self.fault(f"{column.name}: {value!r} is no value of this column: the file is damaged")
        return value


def _positions_of_floats(columns: Iterable[Column[Any]]) -> list[int]:
    return [position for position, column in enumerate(columns) if isinstance(column.type, Float)]
