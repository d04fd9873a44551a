"""How long PostgreSQL is waited for: where it stays silent, the connection is cut, and what comes next makes another.

The server ends a statement that takes too long, and TCP tells when the server is gone. Neither helps where something in
between, a proxy or a pooler, keeps the connection open and passes nothing on.
"""

import os
import time
from typing import Any

from sqlalchemy import Engine, event

from exporter.watchdog import WATCHDOG, Line

GRACE = 15.0
"""Seconds beyond `statement_timeout` for the server to say that a statement took too long."""

_LINE, _PATIENCE = "line", "patience"
_TIMEOUT = "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'"  # milliseconds, 0 for none
_UNKNOWN = 30.0


def cut_silent(engine: Engine) -> None:
    """Have each connection of `engine` cut that leaves a statement or a commit without an answer for too long."""

    @event.listens_for(engine, "connect")
    def begin(connection: Any, record: Any) -> None:
        record.info[_LINE] = Line(os.dup(connection.fileno()))
        _watch(record.info)
        with connection.cursor() as cursor:
            record.info[_PATIENCE] = float(cursor.execute(_TIMEOUT).fetchone()[0]) / 1000
        connection.rollback()
        _leave(record.info)

    @event.listens_for(engine, "before_cursor_execute")
    def ask(connection: Any, *_: object) -> None:
        _watch(connection.info)

    @event.listens_for(engine, "commit")
    def commit(connection: Any) -> None:
        _watch(connection.info)

    @event.listens_for(engine, "after_cursor_execute")
    def answer(connection: Any, *_: object) -> None:
        _leave(connection.info)

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        _leave(record.info)

    @event.listens_for(engine, "close")
    def end(_connection: Any, record: Any) -> None:
        _leave(record.info)
        record.info.pop(_LINE, None)


def _watch(info: dict[str, Any]) -> None:
    patience = info.get(_PATIENCE, _UNKNOWN)
    if patience:
        WATCHDOG.watch(info[_LINE], time.monotonic() + patience + GRACE)


def _leave(info: dict[str, Any]) -> None:
    if _LINE in info:
        WATCHDOG.leave(info[_LINE])
