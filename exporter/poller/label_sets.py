"""How many combinations of labels there may be: those beyond the limit become one, so that no flood does harm."""

from collections.abc import Callable, Iterable

import structlog

from exporter.flow.labels import OTHER, Labels, make_labels
from exporter.flow.observations import WHOSE

log = structlog.get_logger()

Key = tuple[str, str]


class LabelSets:
    """The label sets that alerts have so far; shared by all sources, used by one thread.

    `known` are those of the ledger, as far as it is this exporter's. `limit` is how many there may be, None for any
    number. `count_dropped` gets how many alerts lost their own labels, each once and when it was committed.
    """

    def __init__(
        self,
        known: Iterable[Labels] = (),
        limit: int | None = None,
        count_dropped: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._known = _uncommon(known)
        self._owned: frozenset[int] | None = None
        self._limit = limit
        self._count_dropped = count_dropped
        self._dropped: set[Key] = set()
        self._has_said = False

    def change_limit(self, limit: int | None) -> None:
        """Allow another number from now on; what an alert has stays."""
        self._has_said = self._has_said and limit == self._limit
        self._limit = limit

    def learn(self, owned: frozenset[int], known: Callable[[], Iterable[Labels]]) -> None:
        """Go by what is `known` now that these shards are owned; once for them, however many sources tell of it."""
        if owned is not self._owned:
            self._owned = owned
            self._known = _uncommon(known())

    def admit(self, key: Key, labels: Labels) -> Labels:
        """Return the labels that an alert first seen with `labels` gets: these, or `other` for all but its source
        and shard.

        What was not told to `committed` may come again, and is counted once.
        """
        self._dropped.discard(key)
        if self._limit is None or labels in self._known or labels == (common := _common(labels)):
            return labels
        if len(self._known) < self._limit:
            self._known.add(labels)
            return labels
        if not self._has_said:
            self._has_said = True
            log.warning("limits.label_sets is reached: alerts with new labels are counted as other", limit=self._limit)
        self._dropped.add(key)
        return common

    def committed(self, keys: Iterable[Key]) -> None:
        """Count those among these alerts that lost their labels, now that the ledger has them."""
        counted = self._dropped.intersection(keys)
        if counted:
            self._dropped -= counted
            self._count_dropped(len(counted))


def _uncommon(known: Iterable[Labels]) -> set[Labels]:
    return {labels for labels in known if labels != _common(labels)}


def _common(labels: Labels) -> Labels:
    """Return what stands for all labels of these names beyond the limit, and comes on top of it."""
    return make_labels({name: value if name in WHOSE else OTHER for name, value in labels})


ANY_NUMBER = LabelSets()
"""No limit."""
