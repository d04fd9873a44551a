"""Pages: the alerts of `search_alert` as sightings, parsed once and here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from exporter.blueking.answers import read_answer
from exporter.blueking.errors import Unreadable
from exporter.blueking.head import Head
from exporter.blueking.refusals import whole_number
from exporter.blueking.times import read_seconds
from exporter.config import ALERT_ID
from exporter.flow.sharing import shared_mapping
from exporter.flow.sightings import Outcome, Sighting

_TEXTS = ("alert_name", "bk_biz_id", "bk_biz_name", "category", "strategy_id", "strategy_name")
_FIELDS = (*_TEXTS, "severity")
_HELD = 16_384  # combinations of fields, those read last: alerts of one strategy share them, as a rule
_SEVERITIES = {1: "fatal", 2: "warning", 3: "remind"}
_OUTCOMES = {"ABNORMAL": None, "RECOVERED": Outcome.RECOVERED, "CLOSED": Outcome.CLOSED}
_HUGE = 10**18  # beyond any id there is; numbers of thousands of digits cannot even be printed
_ID = re.compile(ALERT_ID)
_SEARCH = Head("search_alert")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: each alert on it once, in the server's order.

    `total` is how many alerts the search finds on all its pages, at most 10000 even where there are more. Where
    `is_partial`, the server did not look everywhere, and an alert that is not here may be open all the same (api.md).
    `rejected` counts what could not be read, by reason.
    """

    sightings: tuple[Sighting, ...] = ()
    total: int = 0
    is_partial: bool = False
    rejected: Mapping[str, int] = field(default_factory=dict)


def read_page(answer: object, head: Head = _SEARCH) -> Page:
    """Return the page in a parsed answer of `search_alert`.

    Of an alert that comes twice the row with the largest `update_time` counts, the first of equals. A row that is no
    object, or has no usable id, is skipped and counted in `rejected` as `search_row`. A `total` that is missing is the
    number of rows. Raises what `read_answer` raises, and Unreadable where there is no list of alerts, unless `total`
    is 0.
    """
    return page_of(read_answer(answer, head), head)


def page_of(content: object, head: Head) -> Page:
    """Return the page that stands under `data` of an answer; the rest is the contract of `read_page`."""
    found: Mapping[str, object] = content if isinstance(content, dict) else {}
    rows = _rows(found, head)
    sightings = [sighting for sighting in map(_sighting, rows) if sighting is not None]
    unreadable = len(rows) - len(sightings)
    total = whole_number(found.get("total"))
    return Page(
        sightings=_newest_of_each(sightings),
        total=len(rows) if total is None or total < 0 else total,
        is_partial=_is_true(found.get("is_partial")) or bool(found.get("partial_reasons")),
        rejected={"search_row": unreadable} if unreadable else {},
    )


def _rows(found: Mapping[str, object], head: Head) -> Sequence[object]:
    rows = found.get("alerts")
    if isinstance(rows, list):
        return rows
    if whole_number(found.get("total")) == 0:
        return ()
    raise Unreadable(head.message("expected a list of alerts under data.alerts"))


def _sighting(row: object) -> Sighting | None:
    """Return the alert in a row, None where it cannot be told which one it is."""
    if not isinstance(row, dict) or (alert_id := _alert_id(row.get("id"))) is None:
        return None
    ended_at = _time(row.get("end_time"))
    outcome = _outcome(row.get("status"), ended_at)
    return Sighting(
        alert_id=alert_id,
        fields=_fields(row),
        is_acked=_is_true(row.get("is_ack")),
        is_shielded=_is_true(row.get("is_shielded")),
        created_at=_time(row.get("create_time")),
        ended_at=None if outcome is None else ended_at,
        outcome=outcome,
        updated_at=_time(row.get("update_time")) or 0.0,
    )


def _newest_of_each(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    newest: dict[str, Sighting] = {}
    for sighting in sightings:
        known = newest.get(sighting.alert_id)
        if known is None or sighting.updated_at > known.updated_at:
            newest[sighting.alert_id] = sighting
    return tuple(newest.values())


def _fields(row: Mapping[str, object]) -> Mapping[str, str]:
    values = tuple(map(row.get, _FIELDS))
    try:
        return _held_fields(*values)
    except TypeError:  # a list or an object, of which there is nothing to hold
        return _fields_of(*values)


def _fields_of(*values: object) -> Mapping[str, str]:
    """Return the fields of an alert that has these values of `_FIELDS`."""
    *texts, severity = values
    number = whole_number(severity)
    named = "" if number is None else _SEVERITIES.get(number, "")
    return shared_mapping(dict(zip(_TEXTS, map(_text, texts), strict=True)) | {"severity": named})


# Typed, because 1, 1.0 and true are equal keys and not equal values. The same alerts come back with every cycle.
_held_fields = lru_cache(_HELD, typed=True)(_fields_of)


def _outcome(status: object, ended_at: float | None) -> Outcome | None:
    """Return how the alert ended, None while it is open; of an unknown status the end time tells which."""
    if isinstance(status, str) and status in _OUTCOMES:
        return _OUTCOMES[status]
    return None if ended_at is None else Outcome.CLOSED


def _alert_id(value: object) -> str | None:
    # No float: the longer ids are beyond its precision.
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _HUGE:
        return str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _text(value: object) -> str:
    """Return a text, or a whole number's digits, as a label value; lone surrogates, which no UTF-8 can hold, as `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    number = whole_number(value)
    return "" if number is None or abs(number) >= _HUGE else str(number)


def _is_true(value: object) -> bool:
    if value is None or value is False:  # what nearly all are
        return False
    return value in (True, 1, "1") or (isinstance(value, str) and value.lower() == "true")


def _time(value: object) -> float | None:
    """Return unix seconds; 0 stands for none, as null does (api.md)."""
    return None if value is None else read_seconds(value) or None
