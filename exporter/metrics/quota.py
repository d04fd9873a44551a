"""Who has a series where there are more alerts than series: the oldest."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence

from exporter.flow.known import KnownAlert
from exporter.metrics.alert_series import Key, seniority


class Quota:
    """Keeps the `limit` oldest of its members, and counts those that it does not keep, each once until it is forgotten.

    `count` gets how many more, `counted` holds them. Up to the limit members are a mere number; beyond, a sorted list.
    """

    def __init__(self, limit: int, count: Callable[[int], None], counted: set[Key]) -> None:
        self._limit = limit
        self._count = count
        self._counted = counted
        self._members = 0
        self._order: list[tuple[float, Key]] = []  # of all members, as long as there are too many
        self._kept: frozenset[Key] | None = None  # None for all

    def kept(self, alerts: Sequence[KnownAlert | None], values: Sequence[float | None]) -> Sequence[float | None]:
        """Return the values of alerts with None for each that is not among the oldest."""
        kept = self._kept
        if kept is None:
            return values
        members = zip(alerts, values, strict=True)
        return [value if known is not None and known.key in kept else None for known, value in members]

    def change(
        self,
        gone: Collection[KnownAlert],
        come: Collection[KnownAlert],
        everyone: Callable[[], Iterable[KnownAlert]],
    ) -> Collection[Key]:
        """Take in who is a member no more, and who is a new one; return whom else that gives a series or takes it from.

        An alert that changed goes and comes. `everyone` tells all the members after that.
        """
        self._members += len(come) - len(gone)
        before, is_crowded = self._kept, self._members > self._limit
        if before is None and not is_crowded:
            return ()
        if before is None:
            self._order = sorted(map(seniority, everyone()))
        else:
            for known in gone:
                del self._order[bisect_left(self._order, seniority(known))]
            self._order.extend(map(seniority, come))
            self._order.sort()
        members = frozenset(key for _, key in self._order)
        self._kept = frozenset(key for _, key in self._order[: self._limit]) if is_crowded else None
        if self._kept is None:
            self._order = []
        others = (members if before is None else before) ^ (members if self._kept is None else self._kept)
        self._note({known.key for known in come} | (others & members))
        return others

    def _note(self, members: Iterable[Key]) -> None:
        new = set() if self._kept is None else set(members) - self._kept - self._counted
        if new:
            self._counted |= new
            self._count(len(new))
