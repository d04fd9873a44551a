"""Naming a watch: by what an operator knows it again, for it has no name in the config."""

import json
from collections.abc import Iterator

from exporter.watch.search import SearchWatch

_MOST_BUSINESSES = 5
_LONGEST = 100


def watch_words(watch: SearchWatch) -> str:
    """Return the labels of a watch and what it searches for, by the config's keys; 100 characters at most.

    Of conditions only the keys are told.
    """
    words = "; ".join(_parts(watch))
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _parts(watch: SearchWatch) -> Iterator[str]:
    yield from (f"{name}={value}" for name, value in watch.base if name != "source")
    search = watch.search
    businesses = list(map(str, search.bk_biz_ids))
    more = ["…"] if len(businesses) > _MOST_BUSINESSES else []
    yield f"bk_biz_ids {', '.join(businesses[:_MOST_BUSINESSES] + more)}"
    if search.severity:
        yield f"severity {', '.join(map(str, search.severity))}"
    if search.status:
        yield f"status {', '.join(search.status)}"
    if search.query_string:
        yield f"query_string {json.dumps(search.query_string, ensure_ascii=False)}"
    if search.conditions:
        yield f"conditions on {', '.join(condition.key for condition in search.conditions)}"
