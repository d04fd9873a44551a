"""The rows of a log: their order, what of them a dialect shows, and how they are written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby, islice

from exporter.simulator.settings import Dialect

_ROLLING = ("CONVERGE", "EVENT_DROP")


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the server wrote it, at the whole second `at`; the API shows it `delay` seconds later.

    `extend_info` None is written as each dialect writes an empty one.
    """

    at: int
    operate: str
    status: str = "SUCCESS"
    message: str = ""
    extend_info: Mapping[str, object] | None = None
    delay: float = 0.0


def shown(rows: Iterable[Row], dialect: Dialect, now: float) -> list[Row]:
    """Return the rows that an answer at `now` (unix seconds) shows: newest first, ties by operate name."""
    visible = [row for row in rows if row.at + row.delay <= now]
    visible.sort(key=lambda row: (-row.at, row.operate))
    return _rolled(visible) if dialect == "today" else visible


def _rolled(rows: Sequence[Row]) -> list[Row]:
    """Keep two rows of a run: the newest, and one for all older, with the newest of their times (api.md)."""
    kept: list[Row] = []
    for operate, run in groupby(rows, key=lambda row: row.operate):
        kept += islice(run, 2 if operate in _ROLLING else None)
    return kept


def written(row: Row, alert_id: str, dialect: Dialect, zone: tzinfo) -> dict[str, object]:
    """Return the row as the API answers it, keys in the order of the dialect."""
    create_time = f"{datetime.fromtimestamp(row.at, zone):%Y-%m-%d %H:%M:%S}"
    if dialect == "documented":
        return {
            "status": row.status,
            "event_id": alert_id,
            "message": row.message,
            "operate": row.operate,
            "extend_info": "" if row.extend_info is None else dict(row.extend_info),
            "create_time": create_time,
        }
    return {
        "operate": row.operate,
        "message": row.message,
        "extend_info": {},
        "status": row.status,
        "event_id": int(alert_id),
        "create_time": create_time,
    }
