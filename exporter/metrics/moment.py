"""All that one scrape tells, as of one moment."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from exporter.flow.deadlines import NO_TARGETS, AckTargets
from exporter.flow.known import KnownAlert
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
    `created_series` its `web.created_series`.
    """

    at: float
    view: View
    watched: frozenset[tuple[str, str]]
    sources: tuple[SourceState, ...]
    birth_hold: float
    targets: AckTargets = NO_TARGETS
    alert_series: int = sys.maxsize
    created_series: bool = False

    def shown_sources(self) -> frozenset[str]:
        """Return the sources whose flow metrics are served: configured, and past their baseline."""
        return frozenset(source.name for source in self.sources if source.name in self.view.baselines)

    def shown(self, total: Total) -> Iterator[tuple[Series, SeriesTotal]]:
        """Yield the series of `total` as they are served; one that is not past its birth is served as 0, and names no
        alert.
        """
        sources = self.shown_sources()
        for series, committed in self.view.totals.items():
            if series.total is total and dict(series.labels)["source"] in sources:
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
        """Yield the watched alerts that were read and do not rest, of the sources that are shown."""
        return filter(None, self.read_among(self.view.alerts))

    def read_among(self, keys: Iterable[tuple[str, str]]) -> Iterator[KnownAlert | None]:
        """Yield, for each key of an alert, what is known of it where it is one of them, else None."""
        sources, alerts, watched = self.shown_sources(), self.view.alerts, self.watched
        for key in keys:
            known = alerts.get(key)
            is_shown = known is not None and known.read_at is not None and key in watched and key[0] in sources
            yield known if is_shown else None


def _unborn(committed: SeriesTotal) -> SeriesTotal:
    return replace(committed, values=(0.0,) * len(committed.values), exemplars={})
