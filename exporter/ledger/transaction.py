"""One transaction on the ledger: what is to change together, and how that is written."""

from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, delete, insert, update

from exporter.flow.known import KnownAlert
from exporter.flow.observations import Observation
from exporter.flow.shards import Shards
from exporter.ledger import schema
from exporter.ledger.database import Upsert
from exporter.ledger.rows import alert_row, labels_text, watch_key
from exporter.ledger.totals import Bounds, Series, cell_names, deltas

Key = tuple[str, str]


@dataclass(slots=True)
class Transaction:
    """Collects changes; `Ledger.transaction` commits them all or none."""

    alerts: dict[Key, KnownAlert] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    forgotten: set[Key] = field(default_factory=set)
    baselines: dict[tuple[str, int], float] = field(default_factory=dict)
    good_cycles: dict[tuple[str, str, int], float] = field(default_factory=dict)
    served: dict[Series, float] = field(default_factory=dict)
    revealed: set[Series] = field(default_factory=set)

    def put(self, known: KnownAlert) -> None:
        """Replace what is known of an alert."""
        self.alerts[known.key] = known

    def add(self, observations: Iterable[Observation]) -> None:
        """Add observations to the totals."""
        self.observations.extend(observations)

    def forget(self, keys: Iterable[Key]) -> None:
        """Drop what is known of alerts; the totals keep what they added."""
        self.forgotten.update(keys)

    def complete_baseline(self, source: str, at: float, shards: Collection[int] = (0,)) -> None:
        """End the baseline of a source in some shards: its series so far are shown at their values."""
        self.baselines |= {(source, shard): at for shard in shards}

    def good_cycle(self, source: str, watch: str, at: float, shards: Collection[int] = (0,)) -> None:
        """Note that at `at` every alert of a watch in some shards had been asked as it should."""
        key = watch_key(watch)
        self.good_cycles |= {(source, key, shard): at for shard in shards}

    def serve(self, served: Mapping[Series, float]) -> None:
        """Note when a scrape was the first to get these series, as 0."""
        self.served.update(served)

    def reveal(self, series: Iterable[Series]) -> None:
        """Show these series at their values from now on."""
        self.revealed.update(series)

    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not any(
            (
                self.alerts,
                self.observations,
                self.forgotten,
                self.baselines,
                self.good_cycles,
                self.served,
                self.revealed,
            )
        )


def write(
    connection: Connection,
    upsert: Upsert,
    tx: Transaction,
    bounds: Bounds,
    ids: dict[Series, int],
    shards: Shards,
    created_at: Callable[[Series], float | None],
) -> tuple[dict[Series, list[float]], dict[Series, int]]:
    """Write `tx`; return what it adds to each series, and the ids of the series that are new.

    `upsert` is the database's, `ids` are those of the series so far, `shards` tells what is of which shard, and
    `created_at` when a new series came to be.
    Totals are written as increments, so that they stay right whoever else adds.
    """
    added = deltas(tx.observations, bounds)
    new_ids = {
        series: _insert_series(connection, series, shards.of_labels(series.labels), created_at(series))
        for series in added
        if series not in ids
    }
    all_ids = ChainMap(new_ids, ids)
    cells = [
        {"series_id": all_ids[series], "cell": cell, "value": value}
        for series, values in added.items()
        for cell, value in zip(cell_names(series.total, bounds), values, strict=True)
        if value or series in new_ids
    ]
    rows = {
        schema.alerts: [alert_row(known, shards.of(*known.key)) for known in tx.alerts.values()],
        schema.sources: [{"name": s, "shard": shard, "baseline_at": at} for (s, shard), at in tx.baselines.items()],
        schema.watches: [
            {"source": s, "watch": w, "shard": shard, "last_good_cycle_at": at}
            for (s, w, shard), at in tx.good_cycles.items()
        ],
    }
    _execute(connection, _adding(upsert), cells)
    for table, replacements in rows.items():
        _execute(connection, _replacing(upsert, table), replacements)
    _forget(connection, tx.forgotten)
    if tx.baselines:
        tx.reveal(series for series in all_ids if place_of(series, shards) in tx.baselines)
    births = [{"of": all_ids[series], "served_at": at} for series, at in tx.served.items()]
    _update_series(connection, births, "served_at")
    _update_series(connection, [{"of": all_ids[series], "revealed": True} for series in tx.revealed], "revealed")
    return added, new_ids


def place_of(series: Series, shards: Shards) -> tuple[str, int]:
    """Return the source and the shard of a series."""
    return dict(series.labels)["source"], shards.of_labels(series.labels)


def _insert_series(connection: Connection, series: Series, shard: int, created_at: float | None) -> int:
    labels = labels_text(series.labels)
    row = {"total": series.total, "labels": labels, "revealed": False, "created_at": created_at, "shard": shard}
    return int(connection.execute(insert(schema.series).values(row).returning(schema.series.c.id)).scalar_one())


@cache
def _adding(upsert: Upsert) -> Executable:
    return upsert(schema.cells, lambda new: {"value": schema.cells.c.value + new.value})


@cache
def _replacing(upsert: Upsert, table: Table) -> Executable:
    names = [column.name for column in table.c if not column.primary_key]
    return upsert(table, lambda new: {name: new[name] for name in names})


def _execute(connection: Connection, statement: Executable, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def _forget(connection: Connection, keys: Collection[Key]) -> None:
    if keys:
        table = schema.alerts
        chosen = (table.c.source == bindparam("of_source")) & (table.c.alert_id == bindparam("of_id"))
        connection.execute(delete(table).where(chosen), [{"of_source": s, "of_id": i} for s, i in keys])


def _update_series(connection: Connection, rows: list[dict[str, Any]], column: str) -> None:
    if rows:
        chosen = schema.series.c.id == bindparam("of")
        connection.execute(update(schema.series).where(chosen).values({column: bindparam(column)}), rows)
