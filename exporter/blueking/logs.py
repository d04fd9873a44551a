"""Logs: the rows of `get_event_log` as flow records, parsed once and here."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from exporter.blueking.answers import read_answer
from exporter.blueking.errors import Unreadable
from exporter.blueking.head import Head
from exporter.blueking.times import read_time
from exporter.flow.records import FlowRecord, Log, open_name

_DIGITS = re.compile(r"\d{1,16}", re.ASCII)
_LARGEST_COUNT = 2**53  # beyond it a float, and so Prometheus, cannot tell neighbours apart
_EVENT_LOG = Head("get_event_log")


def read_log(answer: object, zone: ZoneInfo, head: Head = _EVENT_LOG, born_at: float | None = None) -> Log:
    """Return the log in a parsed answer of `get_event_log`, newest record first, rows of one second as they came.

    Times without an offset are in `zone`, of an alert that came to be at `born_at`, None where that is not known. A row
    that cannot be read is skipped and counted in `rejected`, by reason: `not_an_object`, `operate` (no text),
    `create_time`. Raises what `read_answer` raises, and Unreadable where `data` is no list of rows.
    """
    return log_of(read_answer(answer, head), zone, head, born_at)


def log_of(content: object, zone: ZoneInfo, head: Head, born_at: float | None = None) -> Log:
    """Return the log that stands under `data` of an answer; the rest is the contract of `read_log`."""
    records: list[FlowRecord] = []
    rejected: Counter[str] = Counter()
    for row in _rows(content, head):
        record = _record(row, zone, born_at)
        if isinstance(record, FlowRecord):
            records.append(record)
        else:
            rejected[record] += 1
    return Log(tuple(sorted(records, key=lambda record: -record.created_at)), dict(rejected))


def _rows(content: object, head: Head) -> Sequence[object]:
    """Return the rows under `data`, which the documents call a dict and show as a list (seeds)."""
    if isinstance(content, list):
        return content
    if content is None or content == {}:
        return ()
    if isinstance(content, dict) and "operate" in content:
        return (content,)
    raise Unreadable(head.message(f"expected a list of records under data, got {type(content).__name__}"))


def _record(row: object, zone: ZoneInfo, born_at: float | None) -> FlowRecord | str:
    """Return the record in a row, or the reason why there is none."""
    if not isinstance(row, dict):
        return "not_an_object"
    operate = row.get("operate")
    if not isinstance(operate, str) or not operate.strip():
        return "operate"
    created_at = read_time(row.get("create_time"), zone, born_at)
    if created_at is None:
        return "create_time"
    return FlowRecord(
        operate=open_name(operate),
        status=open_name(row.get("status")),
        created_at=created_at,
        anomaly_count=_anomaly_count(row.get("extend_info")),
    )


def _anomaly_count(extend_info: object) -> int | None:
    """Return the count in a row's `extend_info`, which is an object, its JSON text, "" or null (api.md)."""
    if isinstance(extend_info, str):
        extend_info = _parsed(extend_info)
    return _count(extend_info.get("anomaly_count")) if isinstance(extend_info, dict) else None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _count(value: object) -> int | None:
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _LARGEST_COUNT and value == int(value) else None
