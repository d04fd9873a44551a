"""The bounds that the histograms of a ledger were counted in."""

import json
from collections.abc import Collection

import structlog
from sqlalchemy import Connection, delete, select

from exporter.flow.observations import Total
from exporter.ledger import schema
from exporter.ledger.totals import Bounds

log = structlog.get_logger()


def restart_changed_histograms(connection: Connection, bounds: Bounds, shards: Collection[int]) -> set[Total]:
    """Start anew, and return, the histograms of some shards that were counted in other buckets in one of them.

    They cannot be told in the new ones.
    """
    restarted = set()
    table = schema.bounds
    written = {(r.total, r.shard): r.bounds for r in connection.execute(select(table).where(table.c.shard.in_(shards)))}
    for total, configured in bounds.items():
        text = json.dumps(configured)
        if all(written.get((total, shard)) == text for shard in shards):
            continue
        if any((total, shard) in written for shard in shards):
            restarted.add(total)
            log.warning("histogram starts anew", total=total, reason="its buckets changed in the config")
        for changed in (schema.series, table):
            connection.execute(delete(changed).where(changed.c.total == total, changed.c.shard.in_(shards)))
        connection.execute(table.insert(), [{"total": total, "shard": shard, "bounds": text} for shard in shards])
    return restarted
