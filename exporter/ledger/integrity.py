"""Integrity: what of a ledger cannot be, read row by row, and changed by nobody."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from typing import Any

from sqlalchemy import Connection, Float, Row, Table, inspect, select

from exporter.flow.known import EVERYTHING
from exporter.flow.labels import Labels
from exporter.flow.observations import Total
from exporter.flow.shards import Shards
from exporter.ledger import columns, schema
from exporter.ledger.contradictions import contradictions
from exporter.ledger.reading import read_beside
from exporter.ledger.rows import alert_row, alerts_from, labels_from, labels_text
from exporter.ledger.totals import Bounds, cell_names
from exporter.ledger.transfer import rows_of, series_with_cells

_MOST_FINDINGS = 1_000
_ROUNDING = 1e-6  # of a sum: it was added up in floating point
_HISTOGRAMS = (Total.TIME_TO_ACK, Total.TIME_TO_FIRST_ACTION, Total.TIME_TO_END)
_ALERT_COLUMNS = tuple(column.name for column in schema.alerts.c)
_UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError)  # what reading a text of another shape raises


@dataclass(slots=True)
class Report:
    """What a check found, each with table and key, and how many rows of each table it read.

    `left_out` are the findings beyond those that are kept. `notes` are no faults.
    """

    findings: list[str] = field(default_factory=list)
    left_out: int = 0
    notes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def found(self, table: Table, key: object, what: str) -> None:
        """Note a finding."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(f"{table.name} {key}: {what}")
        else:
            self.left_out += 1


def check_ledger(url: str, configured: Bounds) -> Report | None:
    """Return what is wrong with the ledger at `url`, where histograms are `configured` to have these bounds.

    May run beside the exporter. None where there is no ledger. Raises `LedgerError` as `read_beside` does.
    """

    def check(connection: Connection) -> Report:
        report = Report()
        # What is damaged deeper down cannot be read row by row.
        for look in (_check_file, _check_tables):
            look(connection, report)
            if report.findings:
                return report
        shards = _check_shards(connection, report)
        _check_times(connection, report)
        _check_alerts(connection, shards, report)
        _Totals(_written_bounds(connection, report, configured), shards, report).check(connection)
        return report

    return read_beside(url, check)


def _check_file(connection: Connection, report: Report) -> None:
    """Have the database look at its own pages, where it can; another one's files are its server's to look after."""
    if connection.dialect.name == "sqlite":
        for (verdict,) in connection.exec_driver_sql("PRAGMA integrity_check(100)"):
            if verdict != "ok":
                report.findings.append(f"file: {verdict}")


def _check_tables(connection: Connection, report: Report) -> None:
    told = inspect(connection)
    there = set(told.get_table_names())
    for table in schema.metadata.sorted_tables:
        if table.name not in there:
            report.findings.append(f"{table.name}: the table is missing")
            continue
        found = {column["name"] for column in told.get_columns(table.name)}
        missing = [name for name in table.columns.keys() if name not in found]  # noqa: SIM118 - not a dict
        report.findings += [f"{table.name}: the column {name} is missing" for name in missing]


def _check_times(connection: Connection, report: Report) -> None:
    for table in (schema.sources, schema.watches):
        for row in rows_of(connection, table):
            report.counts[table.name] += 1
            _check_numbers(report, table, "/".join(map(str, row[:-1])), row)


def _check_shards(connection: Connection, report: Report) -> Shards:
    """Return how the ledger is divided."""
    number = connection.execute(select(schema.ledger.c.shards)).scalar_one()
    there = set(connection.execute(select(schema.shards.c.shard)).scalars())
    if there != set(range(number)):
        report.findings.append(f"shards: {sorted(there)} are there, and the ledger is divided into {number}")
    return Shards(number)


def _check_alerts(connection: Connection, shards: Shards, report: Report) -> None:
    for row in rows_of(connection, schema.alerts, columns.FLAGS):
        report.counts[schema.alerts.name] += 1
        report.counts["resting"] += row.rested_at is not None
        key = f"{row.source}/{row.alert_id}"
        if row.shard != shards.of(row.source, row.alert_id):
            report.found(schema.alerts, key, f"shard {row.shard}, where it belongs to another one")
        for what in _wrong_with_alert(row):
            report.found(schema.alerts, key, what)
        _check_numbers(report, schema.alerts, key, row)


def _wrong_with_alert(row: Row[Any]) -> Iterator[str]:
    try:
        (known,) = alerts_from([[getattr(row, column.name) for column in columns.ALERT]])
        written = alert_row(known, row.shard)
    except _UNREADABLE as error:
        yield f"cannot be read: {error}"
        return
    for name in _ALERT_COLUMNS:
        if written[name] != (value := getattr(row, name)):
            yield f"{name}: {value!r} is not as it is written, {written[name]!r}"
    yield from contradictions(known)


def _check_numbers(report: Report, table: Table, key: str, row: Row[Any]) -> None:
    """Note what is no number where one belongs; a database may keep anything."""
    for position, name in _floats_of(table):
        value = row[position]
        is_everything = name == "counts_from" and value == EVERYTHING
        if value is not None and not is_everything and not _is_number(value):
            report.found(table, key, f"{name}: {value!r} is no number")


@cache
def _floats_of(table: Table) -> list[tuple[int, str]]:
    """Return where a table has numbers, and what they are called."""
    return [(position, column.name) for position, column in enumerate(table.c) if isinstance(column.type, Float)]


def _is_number(value: object) -> bool:
    return isinstance(value, float) and isfinite(value)


def _written_bounds(connection: Connection, report: Report, configured: Bounds) -> Bounds:
    """Return the bounds by which the ledger counts."""
    written: dict[Total, tuple[float, ...]] = {}
    for row in rows_of(connection, schema.bounds):
        total, text = row.total, row.bounds
        report.counts[schema.bounds.name] += 1
        try:
            bounds = tuple(float(bound) for bound in json.loads(text))
            is_sound = total in _HISTOGRAMS and bounds == tuple(sorted(set(bounds))) and all(map(isfinite, bounds))
        except _UNREADABLE:
            is_sound = False
        if not is_sound:
            report.found(schema.bounds, total, f"{text!r} are no bounds of a histogram, in ascending order")
            continue
        written[Total(total)] = bounds
        if configured.get(Total(total), bounds) != bounds:
            report.notes.append(f"{total}: the config has other buckets: it starts anew when the exporter starts")
    return written


class _Totals:
    """Checks the series and their cells; adds up what must agree between them."""

    def __init__(self, bounds: Bounds, shards: Shards, report: Report) -> None:
        self._bounds = bounds
        self._shards = shards
        self._report = report
        self._ended: dict[Labels, float] = {}
        self._end_times: dict[Labels, float] = {}

    def check(self, connection: Connection) -> None:
        """Check all of them."""
        for row, cells in series_with_cells(connection):
            self._report.counts[schema.series.name] += 1
            self._report.counts[schema.cells.name] += len(cells)
            for what in self._wrong(row, cells):
                self._report.found(schema.series, f"{row.total}{row.labels}", what)
        for labels, observed in self._end_times.items():
            ended = self._ended.get(labels, 0.0)
            if observed > ended:
                key = f"{Total.TIME_TO_END}{labels_text(labels)}"
                what = f"{observed:.0f} ends have a duration, and {ended:.0f} were counted"
                self._report.found(schema.series, key, what)
        orphans = select(schema.cells).outerjoin(schema.series).where(schema.series.c.id.is_(None))
        for series_id, cell, value in connection.execute(orphans):
            self._report.found(schema.cells, f"{series_id}/{cell}", f"{value!r} of a series that is not there")

    def _wrong(self, row: Row[Any], cells: Mapping[str, float]) -> Iterator[str]:
        try:
            labels = labels_from(row.labels)
            is_canonical = labels_text(labels) == row.labels
        except _UNREADABLE:
            is_canonical = False
        if not is_canonical:
            yield "labels that are not written as the one text that their set has"
            return
        if "source" not in dict(labels):
            yield "labels without a source"
        if row.shard != self._shards.of_labels(labels):
            yield f"shard {row.shard}, where it belongs to another one"
        if row.total not in set(Total):
            yield "a total that this version does not know"
            return
        total = Total(row.total)
        for name, value in (("served_at", row.served_at), ("created_at", row.created_at)):
            if value is not None and not _is_number(value):
                yield f"{name}: {value!r} is no number"
        names = cell_names(total, self._bounds)
        yield from (f"the cell {name} is missing" for name in names if name not in cells)
        yield from (f"the cell {name} is none of its own" for name in cells if name not in names)
        yield from _wrong_values(cells)
        if all(_is_number(cells.get(name)) for name in names):
            yield from self._wrong_sums(total, labels, [cells[name] for name in names])

    def _wrong_sums(self, total: Total, labels: Labels, values: list[float]) -> Iterator[str]:
        if total is Total.ALERTS_ENDED:
            key = _without(labels, "acked")
            self._ended[key] = self._ended.get(key, 0.0) + values[0]
        if total not in self._bounds:
            return
        *buckets, summed = values
        if total is Total.TIME_TO_END:
            self._end_times[labels] = sum(buckets)
        least = sum(held * lower for held, lower in zip(buckets, (0.0, *self._bounds[total]), strict=True))
        most = sum(held * upper for held, upper in zip(buckets, (*self._bounds[total], 0.0), strict=True))
        tolerance = _ROUNDING * (1 + abs(summed))
        if summed < least - tolerance or (not buckets[-1] and summed > most + tolerance):
            yield f"a sum of {summed!r}, which its buckets do not allow"


def _wrong_values(cells: Mapping[str, float]) -> Iterator[str]:
    for name, value in cells.items():
        if not _is_number(value):
            yield f"{name}: {value!r} is no number"
        elif value < 0:
            yield f"{name}: {value!r} is negative"
        elif name != "sum" and not value.is_integer():
            yield f"{name}: {value!r} is not whole"


def _without(labels: Labels, name: str) -> Labels:
    return tuple(pair for pair in labels if pair[0] != name)
