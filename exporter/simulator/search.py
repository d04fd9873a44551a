"""search_alert: reading its body as strictly as a real server does, and finding the alerts it selects."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from exporter.simulator.fields import answered
from exporter.simulator.lives import Life
from exporter.simulator.refusals import bad_request, too_deep

_MOST = 10_000
# Which businesses an empty list means is up to the caller's user; the simulated one looks after this one.
_MINE = frozenset({"2"})
_TERM = re.compile(r'(?P<field>\w+)\s*:\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"()]+))')
_AND = re.compile(r"\s+AND\s+")
_ORDERED = ("id", "create_time", "begin_time", "end_time", "latest_time", "update_time", "severity")


@dataclass(frozen=True, slots=True)
class _Condition:
    """One field compared with values, all as text; `widens` joins it to those before with `or`."""

    key: str
    values: frozenset[str]
    negated: bool = False
    widens: bool = False

    def holds(self, fields: Mapping[str, object]) -> bool:
        return self.values.isdisjoint(_texts(fields.get(self.key))) is self.negated


@dataclass(frozen=True, slots=True)
class Search:
    """A valid search: `businesses` None means all of them, empty `statuses` all of these."""

    businesses: frozenset[str] | None
    start_time: int
    end_time: int
    statuses: frozenset[str]
    conditions: tuple[_Condition, ...]
    terms: tuple[_Condition, ...]
    ordering: tuple[str, ...]
    page: int
    page_size: int

    @classmethod
    def read(cls, body: Mapping[str, object]) -> Self:
        """Return the search that a parsed body asks for; raises Refused where a real server refuses."""
        page, page_size = _whole(body, "page", 1, least=1), _whole(body, "page_size", 10, least=1, most=5000)
        if page * page_size > _MOST:
            raise too_deep()
        return cls(
            businesses=_businesses(body),
            start_time=_whole(body, "start_time"),
            end_time=_whole(body, "end_time"),
            statuses=_texts_of(body, "status"),
            conditions=tuple(_condition(one) for one in _list(body, "conditions")),
            terms=_terms(body.get("query_string") or ""),
            ordering=_ordering(body),
            page=page,
            page_size=page_size,
        )

    def find(self, lives: Iterable[Life], now: float) -> dict[str, object]:
        """Return the `data` of the answer at `now`: a page of alerts, and how many there are, up to 10000."""
        known = (answered(life, now) for life in lives if self._within(life, now))
        found = [fields for fields in known if self._selects(fields)]
        for key in reversed(self.ordering):
            _sort(found, key)
        first = (self.page - 1) * self.page_size
        return {"alerts": found[first : first + self.page_size], "total": min(len(found), _MOST)}

    def _within(self, life: Life, now: float) -> bool:
        """Tell whether the alert was open at any time within the window (api.md)."""
        over = life.ended(now) and life.ended_at is not None and life.ended_at <= self.start_time
        return not over and life.alert.begun_at < self.end_time

    def _selects(self, fields: Mapping[str, object]) -> bool:
        if self.businesses is not None and str(fields["bk_biz_id"]) not in self.businesses:
            return False
        if self.statuses and fields["status"] not in self.statuses:
            return False
        return all(term.holds(fields) for term in self.terms) and self._conditions_hold(fields)

    def _conditions_hold(self, fields: Mapping[str, object]) -> bool:
        holds = True
        for number, condition in enumerate(self.conditions):
            joins = condition.widens and number > 0
            holds = (holds or condition.holds(fields)) if joins else (holds and condition.holds(fields))
        return holds


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(text for one in value for text in _texts(one))
    return (str(value).lower() if isinstance(value, bool) else str(value),)


def _whole(
    body: Mapping[str, object],
    name: str,
    default: int | None = None,
    *,
    least: int = 0,
    most: int | None = None,
) -> int:
    value = body.get(name, default)
    if value is None:
        raise bad_request(f"{name}: this field is required")
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
        raise bad_request(f"{name}: a whole number is expected, not {value!r}")
    number = int(str(value))
    if number < least or (most is not None and number > most):
        raise bad_request(f"{name}: {number} is out of range")
    return number


def _list(body: Mapping[str, object], name: str) -> list[object]:
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise bad_request(f"{name}: a list is expected, not {value!r}")
    return value or []


def _texts_of(body: Mapping[str, object], name: str) -> frozenset[str]:
    return frozenset(_texts(_list(body, name)))


def _businesses(body: Mapping[str, object]) -> frozenset[str] | None:
    businesses = _texts_of(body, "bk_biz_ids")
    return None if "-1" in businesses else businesses or _MINE


def _condition(raw: object) -> _Condition:
    if not isinstance(raw, dict) or not isinstance(raw.get("key"), str):
        raise bad_request(f"conditions: an object with a key is expected, not {raw!r}")
    if not isinstance(raw.get("value"), list):
        raise bad_request(f"conditions: a list is expected as value, not {raw!r}")
    method, joined = raw.get("method", "eq"), raw.get("condition") or "and"
    if method not in ("eq", "neq") or joined not in ("and", "or"):
        raise bad_request(f"conditions: eq or neq, joined by and or or, are expected, not {raw!r}")
    return _Condition(raw["key"], frozenset(_texts(raw["value"])), method == "neq", joined == "or")


def _terms(query_string: object) -> tuple[_Condition, ...]:
    """Read the little of Lucene that is simulated: nothing, `*`, or `field:value` joined by AND."""
    if not isinstance(query_string, str):
        raise bad_request(f"query_string: text is expected, not {query_string!r}")
    if query_string.strip() in ("", "*"):
        return ()
    return tuple(_term(part) for part in _AND.split(query_string.strip()))


def _term(part: str) -> _Condition:
    match = _TERM.fullmatch(part)
    if match is None:
        raise bad_request(f"query_string: cannot be parsed at {part!r}")
    quoted = match["quoted"]
    value = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return _Condition(match["field"], frozenset({value}))


def _ordering(body: Mapping[str, object]) -> tuple[str, ...]:
    keys = tuple(str(key) for key in _list(body, "ordering")) or ("-create_time",)
    for key in keys:
        if key.removeprefix("-") not in _ORDERED:
            raise bad_request(f"ordering: {key} cannot be sorted by")
    return keys


def _sort(found: list[dict[str, object]], key: str) -> None:
    """Sort by one key, stably; alerts without it come last either way."""
    name, descending = key.removeprefix("-"), key.startswith("-")
    sign = -1 if descending else 1

    def rank(fields: dict[str, object]) -> tuple[bool, int]:
        value = fields[name]
        return value is None, sign * int(str(value or 0))

    found.sort(key=rank)
