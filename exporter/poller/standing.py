"""How a source stands: what its metrics and pages tell of its polling."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from exporter.ledger import Ledger
from exporter.metrics import OwnMetrics, SourceState
from exporter.metrics.moment import Asked, Plan, WatchedState
from exporter.poller.parts import Parts
from exporter.poller.roster import Roster
from exporter.poller.schedule import GivenUp


class Standing:
    """Reads off the parts of a source's poller; changes nothing. Times in unix seconds."""

    def __init__(self, source: str, ledger: Ledger, own: OwnMetrics, roster: Roster, parts: Parts) -> None:
        self._source = source
        self._ledger = ledger
        self._own = own
        self._roster = roster
        self._searcher = parts.searcher
        self._turnstile = parts.turnstile
        self._health = parts.health
        self._streaks = parts.streaks
        self._progress = parts.progress
        self._skew = parts.skew
        self._given_up: tuple[Mapping[str, GivenUp], Mapping[str, WatchedState]] = {}, {}

    def brief(self) -> tuple[str, bool, Mapping[str, GivenUp]]:
        """Return the source's trouble, whether its first cycle is over, and the alerts that are given up.

        That is what may change in `state` without a commit; unlike it, it costs next to nothing.
        """
        trouble = self._health.trouble or self._searcher.trouble
        is_cycled = self._progress.is_cycled and (self._searcher.have_cycled or bool(trouble))
        return trouble, is_cycled, self._streaks.all_given_up()

    def state(self, now: float) -> SourceState:
        """Return how the source stands."""
        trouble, is_cycled, given_up = self.brief()
        shown = self._shown(given_up)
        return SourceState(
            name=self._source,
            up=not trouble,
            cycled=is_cycled,
            trouble=trouble,
            last_success_at=self._health.succeeded_at,
            overdue=self._turnstile.overdue(now),
            watched=+(Counter(shown.values()) + self._roster.census.states(shown)),
            timezone_skew=self._skew.seconds,
            last_good_cycle_at=self._last_good_cycle_at(),
            given_up=shown,
            polling=self,
        )

    def plan(self, alert_id: str) -> Plan:
        """Return what is planned for an alert. Any thread may ask: each answer is one look into a mapping."""
        due_at = self._turnstile.due_at(alert_id)
        next_poll_at = None if due_at is None else max(due_at, self._health.paused_until)
        return Plan(next_poll_at, self._streaks.error(alert_id))

    def asked(self) -> Asked:
        """Return what the source was asked since the start, and its pace. Any thread may ask."""
        bucket = self._turnstile.bucket
        return replace(
            self._own.asked(self._source),
            rate=bucket.rate,
            full_rate=bucket.full_rate,
            paused_until=self._health.paused_until,
        )

    def _last_good_cycle_at(self) -> float | None:
        names = (*self._roster.watches.names, *self._searcher.names)
        ends = [self._ledger.last_good_cycle_at(self._source, name) for name in names]
        known = [end for end in ends if end is not None]
        return min(known) if known and len(known) == len(ends) else None

    def _shown(self, given_up: Mapping[str, GivenUp]) -> Mapping[str, WatchedState]:
        """Return how those who are given up are shown; the same object as before where they are the same."""
        if given_up is not self._given_up[0]:
            self._given_up = given_up, {alert_id: WatchedState(why.value) for alert_id, why in given_up.items()}
        return self._given_up[1]
