"""Reading a ledger beside the exporter that holds it: nothing is locked, made, upgraded or written."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, make_url, select

from exporter.flow.known import KnownAlert
from exporter.ledger import columns, schema, sqlite_reading
from exporter.ledger.rows import alerts_from

Told = TypeVar("Told")


def find_alerts(url: str, alert_id: str) -> dict[str, KnownAlert] | None:
    """Return what is known of the alerts of this id, resting ones included, by source; None where there is no ledger.

    Tells what is committed, also while an exporter writes. Raises `LedgerError` for a database that is foreign, damaged
    or not readable, and for a ledger that another version of the exporter wrote.
    """

    def look(connection: Connection) -> dict[str, KnownAlert]:
        rows = connection.execute(select(*columns.ALERT).where(schema.alerts.c.alert_id == alert_id))
        return {known.source: known for known in alerts_from(rows)}

    return read_beside(url, look)


def read_beside(url: str, look: Callable[[Connection], Told]) -> Told | None:
    """Return what `look` reads of the ledger at `url`, as of one moment; None where there is no ledger.

    `look` may be called more than once, and its last answer counts. Raises as `find_alerts`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        from exporter.ledger import postgresql  # its dialect takes time to import

        return postgresql.read_beside(parsed, look)
    return sqlite_reading.read_beside(parsed, look)
