"""The gauges of open alerts by label set: how many there are, and since when the oldest of them waits for somebody."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import ClassVar

from prometheus_client.metrics_core import Metric

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, extend
from exporter.flow.observations import Total
from exporter.ledger import alert_labels
from exporter.metrics.alert_series import waiting_since
from exporter.metrics.family import Family, Gauges, gauge
from exporter.metrics.moment import Moment

_STATES = tuple(product((False, True), repeat=2))  # (acked, shielded), by twice the first plus the second


@dataclass(slots=True)
class _LabelSet:
    """The alerts of one label set: how many were read and do not rest, and how many of them are open, by state.

    `waiting` are the creations of those that nobody acknowledged, ascending, and `more` those that are to be added.
    `is_changed` where something may have changed since it was told.
    """

    is_changed: bool = False
    read: int = 0
    has_ended: bool = False
    open: list[int] = field(default_factory=lambda: [0] * len(_STATES))
    waiting: list[float] = field(default_factory=list)
    more: list[float] = field(default_factory=list)

    def add(self, known: KnownAlert) -> None:
        """Count one more."""
        self.read += 1
        if known.is_open:
            self.open[2 * known.is_acked + known.is_shielded] += 1
            if (since := waiting_since(known)) is not None:
                self.more.append(since)


class OpenTally:
    """Counts the open alerts of each label set, and is told of each change of each alert."""

    def __init__(self) -> None:
        self._sets: dict[Labels, _LabelSet] = {}
        self._changed: list[Labels] = []

    def ended(self, labels: Labels) -> None:
        """Note that alerts with these labels have ended: they are counted from then on, be it as 0."""
        self._get(labels).has_ended = True

    def change(self, gone: Iterable[KnownAlert], come: Iterable[KnownAlert]) -> None:
        """Note who of those that were read and do not rest is gone, and who is new; one that changed goes and comes."""
        for known in gone:
            self._remove(known)
        sets: dict[int, _LabelSet] = {}  # by the identity of label sets, which alerts share
        for known in come:
            label_set = sets.get(id(known.labels))
            if label_set is None:
                label_set = sets[id(known.labels)] = self._get(known.labels)
            label_set.add(known)

    def changed(self) -> Iterator[Labels]:
        """Yield, once each, the label sets of which something may have changed."""
        for labels in self._changed:
            label_set = self._sets[labels]
            label_set.is_changed = False
            if label_set.more:
                label_set.waiting.extend(label_set.more)
                label_set.waiting.sort()
                label_set.more = []
            if not (label_set.read or label_set.has_ended):
                del self._sets[labels]
            yield labels
        self._changed = []

    def counts(self, labels: Labels) -> Gauges:
        """Yield the open alerts by acknowledgement and shield; nothing for labels that no alert has or had."""
        label_set = self._sets.get(labels)
        if label_set is not None:
            for (acked, shielded), count in zip(_STATES, label_set.open, strict=True):
                yield open_labels(labels, acked, shielded), count

    def oldest_unacked(self, labels: Labels) -> Gauges:
        """Yield the creation of the oldest one that waits for somebody, in unix seconds; nothing where none does."""
        label_set = self._sets.get(labels)
        if label_set is not None and label_set.waiting:
            yield labels, label_set.waiting[0]

    def _remove(self, known: KnownAlert) -> None:
        label_set = self._get(known.labels)
        label_set.read -= 1
        if known.is_open:
            label_set.open[2 * known.is_acked + known.is_shielded] -= 1
            if (since := waiting_since(known)) is not None:
                del label_set.waiting[bisect_left(label_set.waiting, since)]

    def _get(self, labels: Labels) -> _LabelSet:
        label_set = self._sets.get(labels)
        if label_set is None:
            label_set = self._sets[labels] = _LabelSet()
        if not label_set.is_changed:
            label_set.is_changed = True
            self._changed.append(labels)
        return label_set


def open_labels(labels: Labels, acked: bool, shielded: bool) -> Labels:
    """Return the labels under which an open alert counts; `labels` are its own."""
    return extend(labels, acked=str(acked).lower(), shielded=str(shielded).lower())


@dataclass(frozen=True, slots=True)
class OpenGauge:
    """A gauge with series for each label set of open alerts; a tally tells them."""

    values: Callable[[OpenTally, Labels], Gauges]
    total: ClassVar[None] = None

    def build(self, family: Family, moment: Moment) -> Metric:
        """Return the family with its samples at `moment`."""
        tally = OpenTally()
        for series, _ in moment.shown(Total.ALERTS_ENDED):
            if (labels := alert_labels(series)) is not None:
                tally.ended(labels)
        tally.change((), moment.read_alerts())
        return gauge(family, (cell for labels in tally.changed() for cell in self.values(tally, labels)))


OPEN_ALERTS = OpenGauge(OpenTally.counts)
"""The open alerts by acknowledgement and shield; label sets whose alerts all ended stay, at 0.

Whether an alert is shielded only a search tells: one that is watched by its id alone counts as not shielded.
"""
OLDEST_UNACKED = OpenGauge(OpenTally.oldest_unacked)
"""The creation of the oldest alert of each label set that waits for somebody; no limit hides it."""
