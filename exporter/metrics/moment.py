"""All that one scrape tells, as of one moment."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from exporter.flow.deadlines import NO_TARGETS, AckTargets
from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.flow.observations import Total
from exporter.ledger import Series, View
from exporter.ledger.totals import SeriesTotal


class WatchedState(StrEnum):
    """What becomes of a watched alert; one that rests is none of these."""

    OPEN = "open"
    SETTLING = "settling"
    QUARANTINED = "quarantined"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned for one alert: when it is due (unix seconds, None for never), and why its last poll failed."""

    next_poll_at: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source was asked since the start of this process, and how hard it may be asked now.

    `failures` are polls by reason, `requests` HTTP requests by endpoint and code. `rate` are the requests a second
    that are allowed now, `full_rate` those that are configured; nothing is asked before `paused_until` (unix seconds).
    """

    polls: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rate: float = 0.0
    full_rate: float = 0.0
    paused_until: float = 0.0


class Polling(Protocol):
    """The polling of a source as it goes on, for pages: a scrape needs none of it. Any thread may ask, at no cost to
    the poller.
    """

    def plan(self, alert_id: str) -> Plan:
        """Return what is planned for an alert."""
        ...

    def asked(self) -> Asked:
        """Return what the source was asked."""
        ...


class _NotPolling:
    def plan(self, alert_id: str) -> Plan:  # noqa: ARG002 - nothing is planned, whatever it is asked about
        return Plan()

    def asked(self) -> Asked:
        return Asked()


NOT_POLLING: Polling = _NotPolling()
"""A source that nobody polls."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """How polling a source goes. Times in unix seconds, durations in seconds.

    `trouble` says in words why the source is not up, or why nothing that it tells is counted; else it is empty.
    `cycled` tells whether every watched alert was asked about at least once since the start, or the source failed and
    said why.
    `timezone_skew` is None as long as too few alerts tell it. `last_good_cycle_at` is the earliest of its watches' last
    good cycles, None while one of them had none. `given_up` are the alerts that are quarantined or missing.
    """

    name: str
    up: bool
    cycled: bool
    trouble: str
    last_success_at: float | None
    overdue: float
    watched: Mapping[WatchedState, int]
    timezone_skew: float | None
    last_good_cycle_at: float | None = None
    given_up: Mapping[str, WatchedState] = field(default_factory=dict)
    polling: Polling = NOT_POLLING


@dataclass(frozen=True, slots=True)
class Moment:
    """What is committed, and how polling goes, at `at` (unix seconds).

    `watched` are the alerts that a watch selects now: an alert that was known once and is watched no more has no
    gauge. `birth_hold` is the config's `web.birth_hold` in seconds, `alert_series` its `limits.alert_series`, and
    `created_series` its `web.created_series`. `owned` are the shards that this exporter has, and `members` is how many
    exporters share the ledger, this one included.

    `shown_shards` are the sources, each with a shard, whose flow metrics are served: configured, told, and past their
    baseline.
    """

    at: float
    view: View
    watched: frozenset[tuple[str, str]]
    sources: tuple[SourceState, ...]
    birth_hold: float
    targets: AckTargets = NO_TARGETS
    alert_series: int = sys.maxsize
    created_series: bool = False
    owned: frozenset[int] = frozenset({0})
    members: int = 1
    shown_shards: frozenset[tuple[str, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look once, and not for each series, what is served."""
        told = ((source.name, shard) for source in self.sources for shard in self.view.told)
        object.__setattr__(self, "shown_shards", frozenset(pair for pair in told if pair in self.view.baselines))

    @property
    def is_certain(self) -> bool:
        """Whether no other exporter can have the shards of this one by now."""
        return not self.owned or self.view.lease.is_valid

    def is_told(self, labels: Labels) -> bool:
        """Whether a series with these labels is of a shard that scrapes are told of."""
        return self.view.shards.of_labels(labels) in self.view.told

    def is_shown(self, labels: Labels) -> bool:
        """Whether a series of the flow metrics with these labels is served."""
        return (dict(labels)["source"], self.view.shards.of_labels(labels)) in self.shown_shards

    def shown(self, total: Total) -> Iterator[tuple[Series, SeriesTotal]]:
        """Yield the series of `total` as they are served; one that is not past its birth is served as 0, and names no
        alert.
        """
        for series, committed in self.view.totals.items():
            if series.total is total and self.is_shown(series.labels):
                yield series, self.served(committed)

    def served(self, committed: SeriesTotal) -> SeriesTotal:
        """Return a series as it is served: at its value, or as 0 where it is not past its birth."""
        return committed if self._is_revealed(committed) else _unborn(committed)

    def is_newborn(self, committed: SeriesTotal) -> bool:
        """Whether a series is served as 0 for the first time."""
        return committed.served_at is None and not self._is_revealed(committed)

    def _is_revealed(self, committed: SeriesTotal) -> bool:
        return committed.revealed or self.birth_hold == 0

    def read_alerts(self) -> Iterator[KnownAlert]:
        """Yield the watched alerts that were read and do not rest, where their flow metrics are served."""
        return filter(None, self.read_among(self.view.alerts))

    def read_among(self, keys: Iterable[tuple[str, str]]) -> Iterator[KnownAlert | None]:
        """Yield, for each key of an alert, what is known of it where it is one of them, else None."""
        alerts, watched = self.view.alerts, self.watched
        shown: dict[int, bool] = {}  # by the identity of label sets, which alerts share
        for key in keys:
            known = alerts.get(key)
            if known is None or known.read_at is None or key not in watched:
                yield None
                continue
            is_shown = shown.get(id(known.labels))
            if is_shown is None:
                is_shown = shown[id(known.labels)] = self.is_shown(known.labels)
            yield known if is_shown else None


def _unborn(committed: SeriesTotal) -> SeriesTotal:
    return replace(committed, values=(0.0,) * len(committed.values), exemplars={})
