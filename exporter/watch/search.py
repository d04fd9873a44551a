"""A search watch, and one round of its search: which pages to ask for, until every alert was seen. Pure."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from exporter.blueking import Condition, Page, SearchQuery
from exporter.config import LabelSettings, SearchSettings, WatchSettings
from exporter.flow.labels import Labels, make_labels
from exporter.flow.sightings import Sighting

PAGE_SIZE = 500
CAP = 10_000
"""How many alerts one search answers at most; a total that reaches it stands for any number (api.md)."""


@dataclass(frozen=True, slots=True)
class SearchWatch:
    """What to search for, and the labels of what is found: `source`, the alert's own `fields`, and the watch's.

    A value that a field's list leaves out becomes `other`.
    """

    name: str
    search: SearchSettings
    base: Labels
    fields: tuple[LabelSettings, ...]

    def labels(self, sighting: Sighting) -> Labels:
        """Return the labels of an alert that this watch found."""
        values: dict[str, str] = {
            label.field: label.value_of(sighting.fields.get(label.field, "")) for label in self.fields
        }
        return make_labels(values | dict(self.base))


def search_watches(
    source: str, watches: Iterable[WatchSettings], fields: Iterable[LabelSettings]
) -> tuple[SearchWatch, ...]:
    """Return the search watches among `watches`, in their order; `fields` are the config's `labels`."""
    return tuple(
        SearchWatch(_name(watch), watch.search, make_labels({**watch.labels, "source": source}), tuple(fields))
        for watch in watches
        if watch.search is not None
    )


def _name(watch: WatchSettings) -> str:
    """What a watch searches for and the labels it gives: a watch that is changed there is another one."""
    search = None if watch.search is None else watch.search.model_dump(mode="json")
    return json.dumps({"search": search, "labels": dict(watch.labels)}, sort_keys=True)


class SearchPages:
    """Asks page by page for all that was open at any time from `start` to `end` (unix seconds).

    Where the server would cut the answer off, the search is split: by business first, then by time. The newest alerts
    come first, so what lies beyond the cap began before the oldest one seen, and a search that ends there finds it.
    `found` tells, for each alert so far, when it was updated (unix seconds). `rejected` counts the unreadable rows by
    reason.
    """

    def __init__(self, search: SearchSettings, start: float, end: float) -> None:
        self.end = end
        self.is_complete = True
        self.found: dict[str, float] = {}
        self._oldest: float | None = None
        self.rejected: Counter[str] = Counter()
        conditions = tuple(Condition(c.key, tuple(c.value), c.method, c.condition) for c in search.conditions)
        self._queries = [
            SearchQuery(
                search.bk_biz_ids,
                start,
                end,
                severity=search.severity,
                status=search.status,
                query_string=search.query_string,
                conditions=conditions,
                page_size=PAGE_SIZE,
            )
        ]

    @property
    def query(self) -> SearchQuery | None:
        """What to ask next; None when the round is over."""
        return self._queries[0] if self._queries else None

    def take(self, page: Page) -> list[Sighting]:
        """Take in the answer to `query`; return what it tells that is not older than what was told before.

        So an alert that comes twice counts as it was updated last.
        """
        query = self._queries.pop(0)
        self.is_complete = self.is_complete and not page.is_partial
        self.rejected.update(page.rejected)
        if page.total >= CAP and len(query.bk_biz_ids) > 1:
            self._split_by_business(query)
            return []
        told = [sighting for sighting in page.sightings if self._is_newer(sighting)]
        self._note_oldest(page)
        if (page.sightings or page.rejected) and query.page * PAGE_SIZE < min(page.total, CAP):
            self._queries.insert(0, replace(query, page=query.page + 1))
            return told
        if page.total >= CAP:
            self._split_by_time(query)
        self._oldest = None
        return told

    def _is_newer(self, sighting: Sighting) -> bool:
        before = self.found.get(sighting.alert_id)
        if before is not None and sighting.updated_at < before:
            return False
        self.found[sighting.alert_id] = sighting.updated_at
        return True

    def _note_oldest(self, page: Page) -> None:
        created = [sighting.created_at for sighting in page.sightings if sighting.created_at is not None]
        if created:
            self._oldest = min(created) if self._oldest is None else min(self._oldest, *created)

    def _split_by_business(self, query: SearchQuery) -> None:
        middle = len(query.bk_biz_ids) // 2
        halves = query.bk_biz_ids[:middle], query.bk_biz_ids[middle:]
        self._queries = [replace(query, bk_biz_ids=half, page=1) for half in halves] + self._queries

    def _split_by_time(self, query: SearchQuery) -> None:
        if self._oldest is None or self._oldest + 1 >= query.end:
            self.is_complete = False  # ten thousand alerts in one second: there is no finer way to ask
            return
        self._queries.insert(0, replace(query, end=self._oldest + 1, page=1))


class SearchRound(SearchPages):
    """The same, for whoever needs all at once: keeps what was found."""

    def __init__(self, search: SearchSettings, start: float, end: float) -> None:
        super().__init__(search, start, end)
        self._sightings: dict[str, Sighting] = {}

    @property
    def sightings(self) -> list[Sighting]:
        """What was found so far, each alert once."""
        return list(self._sightings.values())

    def take(self, page: Page) -> list[Sighting]:
        """Take in the answer to `query`, and keep it."""
        told = super().take(page)
        self._sightings.update((sighting.alert_id, sighting) for sighting in told)
        return told
