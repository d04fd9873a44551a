"""History: what the stories of all alerts come to, kept small: by series, at which point how much."""

from array import array
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import groupby, product
from math import nan

from exporter.backfill.grid import Grid
from exporter.backfill.replay import Story
from exporter.flow.labels import Labels
from exporter.flow.observations import Count, Latency, Observation, Total
from exporter.ledger import Bounds, Series
from exporter.ledger.totals import Values, cell_names, deltas
from exporter.metrics.open_alerts import open_labels


class Happenings:
    """What happened to one series: pairs of a point and an amount, or a latency in seconds, in any order."""

    def __init__(self) -> None:
        # Arrays, because a hundred thousand alerts make millions of pairs.
        self._points = array("l")
        self._amounts = array("d")

    def add(self, point: int, amount: float) -> None:
        """Add a pair."""
        self._points.append(point)
        self._amounts.append(amount)

    def by_point(self) -> Iterator[tuple[int, list[float]]]:
        """Yield the amounts of each point that has any, points ascending, amounts as they were added."""
        order = sorted(range(len(self._points)), key=self._points.__getitem__)
        for point, positions in groupby(order, key=self._points.__getitem__):
            yield point, [self._amounts[position] for position in positions]


class History:
    """The totals and gauges of a range, from the stories of its alerts.

    Totals begin with 0 at the first point. `rejected` counts the latencies that could not be told as they are, by
    reason; `undated_acks` and `undated_ends` the alerts of which a moment is unknown.
    """

    def __init__(self, grid: Grid, bounds: Bounds) -> None:
        self.grid = grid
        self.bounds = bounds
        self.rejected: dict[str, int] = {}
        self.undated_acks = 0
        self.undated_ends = 0
        self._totals: dict[Series, Happenings] = {}
        self._open: dict[Labels, Happenings] = {}
        self._waiting: dict[Labels, list[tuple[int, int, float]]] = {}

    def add(self, story: Story) -> None:
        """Add what became of one alert."""
        for point, observations in story.told:
            for observation in observations:
                self._observe(point, observation)
        self._stay(story)
        self.undated_acks += story.is_ack_undated
        self.undated_ends += story.is_end_undated

    def totals(self, total: Total) -> list[Series]:
        """Return the series of a total, in the order of their labels."""
        return sorted(series for series in self._totals if series.total is total)

    def values(self, series: Series) -> Iterator[tuple[int, Values]]:
        """Yield a series' values from each point at which they change, the first one included."""
        values = [0.0] * len(cell_names(series.total, self.bounds))
        yield 0, tuple(values)
        for point, amounts in self._totals[series].by_point():
            added = deltas([self._observation(series, amount) for amount in amounts], self.bounds)[series]
            if any(added):
                values = [value + more for value, more in zip(values, added, strict=True)]
                yield point, tuple(values)

    def open_alerts(self) -> Iterator[tuple[Labels, Iterator[tuple[int, float]]]]:
        """Yield by labels, `acked` and `shielded` among them, how many alerts were open from which point on."""
        for labels in sorted(self._open):
            yield labels, _summed(self._open[labels])

    def oldest_unacked(self) -> Iterator[tuple[Labels, Iterator[tuple[int, float | None]]]]:
        """Yield by labels when the oldest alert was created that waited for an ACK; where none did, NaN, then None."""
        for labels in sorted(self._waiting):
            yield labels, _oldest(self._waiting[labels])

    def _observe(self, point: int, observation: Observation) -> None:
        if observation.total is Total.RECORDS_REJECTED:
            if isinstance(observation, Count):
                reason = dict(observation.labels)["reason"]
                self.rejected[reason] = self.rejected.get(reason, 0) + observation.amount
            return
        happenings = self._totals.setdefault(Series(observation.total, observation.labels), Happenings())
        amount = observation.amount if isinstance(observation, Count) else observation.seconds
        happenings.add(point, amount)

    def _observation(self, series: Series, amount: float) -> Observation:
        if series.total in self.bounds:
            return Latency(series.total, series.labels, amount)
        return Count(series.total, series.labels, int(amount))

    def _stay(self, story: Story) -> None:
        """Add when the alert was open, and how long of that it waited for somebody."""
        if not story.told:
            return  # it came after the range
        known = story.known
        for is_acked, is_shielded in product((False, True), repeat=2):
            self._open.setdefault(open_labels(known.labels, is_acked, is_shielded), Happenings())
        if story.opened_at is None:
            return
        opened = self.grid.index(story.opened_at)
        closed = len(self.grid) if story.closed_at is None else max(opened, self.grid.index(story.closed_at))
        acked_at = story.opened_at if story.is_ack_undated else known.ack.at
        acked = closed if acked_at is None else min(closed, max(opened, self.grid.index(acked_at)))
        for is_acked, since, until in ((False, opened, acked), (True, acked, closed)):
            if since < until:
                happenings = self._open[open_labels(known.labels, is_acked, known.is_shielded)]
                happenings.add(since, 1)
                happenings.add(until, -1)
        if opened < acked and known.created_at is not None and not known.is_shielded:
            self._waiting.setdefault(known.labels, []).append((opened, acked, known.created_at))


def _summed(happenings: Happenings) -> Iterator[tuple[int, float]]:
    value = 0.0
    changes = list(happenings.by_point())
    if not changes or changes[0][0] > 0:
        yield 0, value
    for point, amounts in changes:
        value += sum(amounts)
        yield point, value


def _oldest(waits: Iterable[tuple[int, int, float]]) -> Iterator[tuple[int, float | None]]:
    """Yield the least value among the (from, until, value) that hold, whenever it changes: NaN, then None, for none."""
    coming = sorted(waits)
    holding: list[tuple[float, int]] = []
    told: float | None = None
    begun = 0
    for point in sorted({point for since, until, _ in coming for point in (since, until)}):
        while begun < len(coming) and coming[begun][0] <= point:
            _, until, value = coming[begun]
            heappush(holding, (value, until))
            begun += 1
        while holding and holding[0][1] <= point:
            heappop(holding)
        oldest = holding[0][0] if holding else None
        if oldest != told:
            told = oldest
            # OpenMetrics has no word for the end of a series: without NaN it would linger for five minutes.
            yield point, nan if oldest is None else oldest
            if oldest is None:
                yield point + 1, None
