"""The switchboard's positions: which share of requests, and of rows, goes wrong in which way."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Self, cast

REQUEST_FAULTS = (
    "reset",
    "http_500",
    "http_502_html",
    "not_json",
    "empty_body",
    "forbidden_empty",
    "gateway_rate",
    "gateway_secret",
    "esb_rate",
    "esb_auth",
    "bad_request",
    "not_found",
    "cut_json",
)
ROW_FAULTS = ("lost_rows", "late_rows", "late_seconds")
_SHARES = (*REQUEST_FAULTS, "slow", "lost_rows", "late_rows")
_SECONDS = ("slow_seconds", "retry_after", "late_seconds")
_IDS = ("poison", "only_ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, and how often; raises ValueError that names every wrong field at once.

    The request faults are shares from 0 to 1, drawn anew for each request in the order of `REQUEST_FAULTS`;
    the first that is drawn decides the answer. `slow` is drawn apart: it delays any answer by `slow_seconds`.
    Where `only_ids` names alerts, all of these hit nothing but get_event_log calls for them. `not_found`
    never hits a search. `retry_after` is what `gateway_rate` asks the caller to wait, in seconds.

    `poison` lists the ids that fail for ever. `lost_rows` and `late_rows` are shares of the rows: lost for
    good, or shown only `late_seconds` after their time. These belong to the world and cannot change while it
    runs.
    """

    reset: float = 0.0
    http_500: float = 0.0
    http_502_html: float = 0.0
    not_json: float = 0.0
    empty_body: float = 0.0
    forbidden_empty: float = 0.0
    gateway_rate: float = 0.0
    gateway_secret: float = 0.0
    esb_rate: float = 0.0
    esb_auth: float = 0.0
    bad_request: float = 0.0
    not_found: float = 0.0
    cut_json: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 1.0
    retry_after: float = 1.0
    poison: tuple[str, ...] = ()
    only_ids: tuple[str, ...] = ()
    lost_rows: float = 0.0
    late_rows: float = 0.0
    late_seconds: float = 5.0

    def __post_init__(self) -> None:
        if wrong := [*_wrong_numbers(self), *_wrong_ids(self)]:
            raise ValueError("faults: " + "; ".join(wrong))

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Return the faults that a parsed JSON object describes; what it leaves out is off.

        Raises ValueError where it is no object, has unknown keys, or a value is out of its range.
        """
        if not isinstance(document, dict):
            raise ValueError(f"faults: expected a JSON object, got {document!r}")
        if unknown := sorted(set(document) - {field.name for field in fields(cls)}):
            raise ValueError("faults: unknown: " + ", ".join(unknown))
        given: dict[str, Any] = {name: _frozen(value) for name, value in document.items()}
        return cls(**given)

    def to_json(self) -> dict[str, object]:
        """Return every field, as `from_json` reads it."""
        return {name: _thawed(value) for name, value in asdict(self).items()}

    def share(self, name: str) -> float:
        """Return the share of one of the request faults."""
        return cast("float", getattr(self, name))

    def reaches(self, alert_id: str | None) -> bool:
        """Tell whether the request faults hit a request for this alert; None stands for a search."""
        return not self.only_ids or alert_id in self.only_ids


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _thawed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _wrong_numbers(faults: Faults) -> Iterator[str]:
    for name in (*_SHARES, *_SECONDS):
        value = getattr(faults, name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
            yield f"{name}: expected a number, got {value!r}"
        elif name in _SHARES and not 0 <= value <= 1:
            yield f"{name}: expected a share from 0 to 1, got {value!r}"
        elif value < 0:
            yield f"{name}: expected seconds, 0 or more, got {value!r}"


def _wrong_ids(faults: Faults) -> Iterator[str]:
    for name in _IDS:
        value = getattr(faults, name)
        if not isinstance(value, tuple) or not all(isinstance(one, str) and one.isdecimal() for one in value):
            yield f"{name}: expected a list of alert ids as text, got {value!r}"
