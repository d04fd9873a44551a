"""Which alerts a page or its JSON is asked for: the parameters of the address, read and checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from exporter.metrics import WatchedState

SORTS = ("deadline", "created", "alert", "source", "state", "acked", "last_poll", "next_poll")
"""What alerts can be sorted by; `-` before it turns the order round."""

PER_PAGE = 50
MOST_PER_PAGE = 500
_PARAMETERS = frozenset({"q", "state", "source", "acked", "label", "sort", "page", "per_page"})
_LONGEST_SEARCH = 200

Value = TypeVar("Value")


class BadQuery(ValueError):
    """A parameter that cannot be read; the message says which, and what would be right, and repeats nothing given."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: alerts with all `words` and all `labels`, in one of `states` and of `sources` (empty: any)."""

    words: tuple[str, ...] = ()
    states: frozenset[WatchedState] = frozenset()
    sources: frozenset[str] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()
    acked: bool | None = None
    sort: str = SORTS[0]
    descending: bool = False
    page: int = 1
    per_page: int = PER_PAGE
    given: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """What was searched for, as it was written."""
        return next((value for name, value in self.given if name == "q"), "")

    def link(self, **changed: str | None) -> str:
        """Return the parameters of the same query with some changed, or left out where None; begins at page 1."""
        changes = {"page": None, **changed}
        kept = [pair for pair in self.given if pair[0] not in changes]
        return "?" + urlencode(kept + [(name, value) for name, value in changes.items() if value is not None])

    def without_label(self, name: str, value: str) -> str:
        """Return the parameters of the same query less one label."""
        pair = ("label", f"{name}={value}")
        return replace(self, given=tuple(given for given in self.given if given != pair)).link()

    def with_label(self, name: str, value: str) -> str:
        """Return the parameters of the same query with one label more."""
        pair = ("label", f"{name}={value}")
        return replace(self, given=(*(given for given in self.given if given != pair), pair)).link()

    def sorted_by(self, sort: str) -> str:
        """Return the parameters of the same query in another order; the same one again turns it round."""
        return self.link(sort=f"-{sort}" if sort == self.sort and not self.descending else sort)


def read_query(args: MultiDict[str, str]) -> Query:
    """Return the query of an address; empty parameters count as missing. Raises `BadQuery`."""
    given = tuple((name, value) for name, value in args.items(multi=True) if value)
    unknown = {name for name, _ in given} - _PARAMETERS
    if unknown:
        raise BadQuery(f"unknown parameter; known are {', '.join(sorted(_PARAMETERS))}")
    single = {name: value for name, value in given if name not in {"state", "source", "label"}}
    sort = single.get("sort", SORTS[0])
    if len(single.get("q", "")) > _LONGEST_SEARCH:
        raise BadQuery(f"q: expected at most {_LONGEST_SEARCH} characters")
    return Query(
        words=tuple(single.get("q", "").casefold().split()),
        states=frozenset(_one_of("state", value, {s.value: s for s in WatchedState}) for value in _all(given, "state")),
        sources=frozenset(_all(given, "source")),
        labels=frozenset(_pair(value) for value in _all(given, "label")),
        acked=_one_of("acked", single["acked"], {"true": True, "false": False}) if "acked" in single else None,
        sort=_one_of("sort", sort.removeprefix("-"), {name: name for name in SORTS}),
        descending=sort.startswith("-"),
        page=_whole("page", single.get("page", "1"), 1_000_000),
        per_page=_whole("per_page", single.get("per_page", str(PER_PAGE)), MOST_PER_PAGE),
        given=given,
    )


def _all(given: tuple[tuple[str, str], ...], name: str) -> Iterator[str]:
    return (value for key, value in given if key == name)


def _one_of(name: str, value: str, choices: Mapping[str, Value]) -> Value:
    if value not in choices:
        raise BadQuery(f"{name}: expected one of {', '.join(choices)}")
    return choices[value]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadQuery("label: expected name=value")
    return name, value


def _whole(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise BadQuery(f"{name}: expected a whole number from 1 to {most}")
    return int(text)
