"""Dividing a ledger into another number of shards: every alert gets its shard, every series keeps its name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import structlog
from sqlalchemy import Connection, Table, bindparam, delete, insert, select, tuple_, update

from exporter.flow.labels import Labels, make_labels
from exporter.flow.shards import SHARD, Shards
from exporter.ledger import schema
from exporter.ledger.rows import labels_from, labels_text

_ROWS_PER_STEP = 5_000

log = structlog.get_logger()


def divide(connection: Connection, where: str, number: int) -> None:
    """Divide the ledger into `number` shards where it has another number of them; nobody may hold any.

    A series changes hands and nothing else, so that no counter jumps; what alerts add from now on goes to series of
    their new shards. A baseline that is not complete everywhere is complete nowhere, and the last good cycle of a watch
    is the earliest of all: so nothing is left out, and nothing is counted that was not counted before.
    """
    before = connection.execute(select(schema.ledger.c.shards)).scalar_one()
    if before == number:
        return
    shards = Shards(number)
    _divide_alerts(connection, shards)
    _divide_series(connection, shards)
    _divide_times(connection, schema.sources, before, number)
    _divide_times(connection, schema.watches, before, number)
    _divide_bounds(connection, before, number)
    schema.set_shards(connection, number)
    log.info("ledger divided anew", ledger=where, shards=number, before=before)


def _divide_alerts(connection: Connection, shards: Shards) -> None:
    table = schema.alerts
    key = tuple_(table.c.source, table.c.alert_id)
    page = select(table.c.source, table.c.alert_id, table.c.labels).order_by(table.c.source, table.c.alert_id)
    chosen = (table.c.source == bindparam("of_source")) & (table.c.alert_id == bindparam("of_id"))
    statement = update(table).where(chosen).values(shard=bindparam("to_shard"), labels=bindparam("to_labels"))
    after: tuple[str, str] | None = None
    while rows := connection.execute((page if after is None else page.where(key > after)).limit(_ROWS_PER_STEP)).all():
        connection.execute(statement, [_divided(*row, shards) for row in rows])
        after = rows[-1].source, rows[-1].alert_id


def _divided(source: str, alert_id: str, labels: str, shards: Shards) -> dict[str, Any]:
    shard = shards.of(source, alert_id)
    divided = shards.labelled(_without_shard(labels_from(labels)), shard)
    return {"of_source": source, "of_id": alert_id, "to_shard": shard, "to_labels": labels_text(divided)}


def _without_shard(labels: Labels) -> Labels:
    return make_labels({name: value for name, value in labels if name != SHARD})


def _divide_series(connection: Connection, shards: Shards) -> None:
    table = schema.series
    rows = connection.execute(select(table.c.id, table.c.labels)).all()
    if rows:
        owners = [{"of": row.id, "to_shard": shards.of_labels(labels_from(row.labels))} for row in rows]
        chosen = update(table).where(table.c.id == bindparam("of"))
        connection.execute(chosen.values(shard=bindparam("to_shard")), owners)


def _divide_times(connection: Connection, table: Table, before: int, number: int) -> None:
    """Give all shards the earliest time of each key, where all have one."""
    times: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for *key, _, at in connection.execute(select(table)):
        times[tuple(key)].append(at)
    kept = ((key, min(of_one)) for key, of_one in times.items() if len(of_one) == before)
    _replace(connection, table, ((*key, shard, at) for key, at in kept for shard in range(number)))


def _divide_bounds(connection: Connection, before: int, number: int) -> None:
    """Give all shards the bounds of each histogram where they had the same; else it starts anew."""
    texts: dict[str, list[str]] = defaultdict(list)
    for total, _, text in connection.execute(select(schema.bounds)):
        texts[total].append(text)
    kept = {total: of_one[0] for total, of_one in texts.items() if len(of_one) == before and len(set(of_one)) == 1}
    _replace(connection, schema.bounds, ((total, s, text) for total, text in kept.items() for s in range(number)))


def _replace(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    names = [column.name for column in table.c]
    told: Iterator[dict[str, Any]] = (dict(zip(names, row, strict=True)) for row in rows)
    replacements = list(told)
    connection.execute(delete(table))
    if replacements:
        connection.execute(insert(table), replacements)
