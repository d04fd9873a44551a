"""Searches: what `search_alert` can be asked for, and how that stands in its body."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Condition:
    """A field of the alert compared with values: `eq` holds where it has one of them, `neq` where it has none.

    The server reads conditions from the first to the last; `join` ties each to all those before it.
    """

    key: str
    values: tuple[str | int, ...]
    method: Literal["eq", "neq"] = "eq"
    join: Literal["and", "or"] = "and"

    def body(self) -> dict[str, object]:
        """Return the condition as it stands in the body."""
        return {"key": self.key, "value": list(self.values), "method": self.method, "condition": self.join}


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """One page of a search for the alerts that were open at any time from `start` to `end`, in unix seconds.

    `bk_biz_ids` are explicit, (-1,) for all: an empty list would mean the businesses of whoever asks (api.md), and
    raises ValueError. An empty `severity` or `status` means any. Pages count from 1; servers refuse what lies beyond
    the 10000th alert.
    """

    bk_biz_ids: tuple[int, ...]
    start: float
    end: float
    severity: tuple[int, ...] = ()
    status: tuple[str, ...] = ()
    query_string: str = ""
    conditions: tuple[Condition, ...] = ()
    page: int = 1
    page_size: int = 500

    def __post_init__(self) -> None:
        if not self.bk_biz_ids:
            raise ValueError("bk_biz_ids: expected at least one, (-1,) for all")

    def body(self) -> dict[str, object]:
        """Return the JSON body; whole seconds cover the window, and what is costly and not read is left out."""
        return {
            "bk_biz_ids": list(self.bk_biz_ids),
            "status": list(self.status),
            "conditions": [condition.body() for condition in self._conditions()],
            "query_string": self.query_string,
            "start_time": math.floor(self.start),
            "end_time": math.ceil(self.end),
            "ordering": ["-create_time"],
            "page": self.page,
            "page_size": self.page_size,
            "show_overview": False,
            "show_aggs": False,
        }

    def _conditions(self) -> tuple[Condition, ...]:
        # The severity goes last, so that it narrows what an `or` before it has widened.
        return (*self.conditions, Condition("severity", self.severity)) if self.severity else self.conditions
