"""The bounds that the histograms of a ledger were counted in."""

import json

import structlog
from sqlalchemy import Connection, delete, select

from exporter.flow.observations import Total
from exporter.ledger import schema
from exporter.ledger.totals import Bounds

log = structlog.get_logger()


def restart_changed_histograms(connection: Connection, bounds: Bounds) -> set[Total]:
    """Start anew, and return, the histograms counted in other buckets: they cannot be told in the new ones."""
    restarted = set()
    written = {row.total: row.bounds for row in connection.execute(select(schema.bounds))}
    for total, configured in bounds.items():
        text = json.dumps(configured)
        if written.get(total) == text:
            continue
        if total in written:
            restarted.add(total)
            log.warning("histogram starts anew", total=total, reason="its buckets changed in the config")
        connection.execute(delete(schema.series).where(schema.series.c.total == total))
        connection.execute(delete(schema.bounds).where(schema.bounds.c.total == total))
        connection.execute(schema.bounds.insert().values(total=total, bounds=text))
    return restarted
