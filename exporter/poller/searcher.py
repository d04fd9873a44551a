"""The searches of a source: cycles of rounds, the alerts that they watch, and what a round's findings mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from exporter.blueking import BlueKingError, Page, SearchQuery
from exporter.flow.advance import see
from exporter.flow.deadlines import AckTargets
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.flow.sightings import Sighting
from exporter.ledger import Ledger, Transaction
from exporter.poller.cycle import first_counts_from
from exporter.poller.label_sets import LabelSets
from exporter.poller.schedule import Pace, Streak, fail_search, search_retry_at
from exporter.watch.search import SearchRound, SearchWatch

_OVERLAP = 120.0  # seconds by which rounds overlap: an index may be behind by as much

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert as a round found it: what was known before, None at first sight, and what is known now."""

    before: KnownAlert | None
    after: KnownAlert


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """What the round of one watch found, to be committed.

    `vanished` are the alerts of the watch that it did not return, `newly_vanished` those that the last one still did.
    """

    watch: SearchWatch
    at: float
    is_complete: bool
    findings: tuple[Finding, ...]
    vanished: frozenset[str]
    newly_vanished: frozenset[str]
    rejected: Mapping[str, int]

    def fill(self, tx: Transaction) -> None:
        """Put it into a transaction."""
        for finding in self.findings:
            if finding.after is not finding.before:
                tx.put(finding.after)
        source = dict(self.watch.base)["source"]
        for reason, rows in self.rejected.items():
            tx.add([Count(Total.RECORDS_REJECTED, make_labels({"source": source, "reason": reason}), rows)])
        if self.is_complete:
            tx.good_cycle(source, self.watch.name, self.at)


@dataclass(frozen=True, slots=True)
class _Failing:
    """A search that could not be made when it was last tried: why, and when it may be tried again."""

    streak: Streak
    why: str
    retry_at: float


class Searcher:
    """Goes through the search watches of a source, one round each, in the order in which they stand in the config.

    In that order, so that an alert that two of them find belongs to the first. A watch that fails is left out of the
    cycles until it may be tried again; the others go on. Used by one thread; all times are unix seconds; `jitter`
    draws from 0 to 1. `watched` are the alerts that searches found and that do not rest; `vanished` those among them
    that their watch's last complete round did not return.
    """

    def __init__(
        self,
        source: str,
        watches: Sequence[SearchWatch],
        ledger: Ledger,
        window: float,
        targets: AckTargets,
        label_sets: LabelSets,
        *,
        pace: Pace,
        jitter: Callable[[], float],
    ) -> None:
        self._source = source
        self._watches = watches
        self._names = frozenset(watch.name for watch in watches)
        self._ledger = ledger
        self._window = window
        self._targets = targets
        self._label_sets = label_sets
        self._pace = pace
        self._jitter = jitter
        self._round: SearchRound | None = None
        self._next = len(watches)  # which watch has its turn; beyond the last one between cycles
        self._cycle_at = 0.0
        self._failing: dict[str, _Failing] = {}
        self._ended: set[str] = set()
        self._have_cycled = not watches
        self.watched: set[str] = set()
        self.vanished: set[str] = set()

    @property
    def trouble(self) -> str:
        """Why a search could not be made when it was last tried; empty where all could."""
        return "; ".join(failing.why for failing in self._failing.values())

    @property
    def has_watches(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self._watches)

    @property
    def have_ended(self) -> bool:
        """Whether every search had a complete round since the start."""
        return self._ended == self._names

    @property
    def have_cycled(self) -> bool:
        """Whether there was a time, since the start, when every search that there was had had a complete round."""
        return self._have_cycled

    @property
    def names(self) -> frozenset[str]:
        """The names of the watches."""
        return self._names

    def restored(self) -> list[KnownAlert]:
        """Return the alerts that these searches found before, that do not rest and are not watched; now they are."""
        known = [k for k in self._ledger.unrested(self._source) if k.watch in self._names]
        new = [k for k in known if k.alert_id not in self.watched]
        self.watched.update(k.alert_id for k in new)
        return new

    def adopt(self, watches: Sequence[SearchWatch], window: float, targets: AckTargets, pace: Pace) -> set[str]:
        """Go by other settings from now on; return the alerts whose watch is gone, which are watched no more.

        Where the watches are others, a round under way is thrown away, and the answer to its page with it.
        """
        self._window, self._targets, self._pace = window, targets, pace
        if tuple(watches) == tuple(self._watches):
            return set()
        self._watches = watches
        self._names = frozenset(watch.name for watch in watches)
        self._round, self._next = None, len(watches)
        self._failing = {name: failing for name, failing in self._failing.items() if name in self._names}
        self._ended &= self._names
        known = (self._ledger.get(self._source, alert_id) for alert_id in self.watched)
        gone = self.watched - {k.alert_id for k in known if k is not None and k.watch in self._names}
        self.watched -= gone
        self.vanished -= gone
        return gone

    def due_at(self, now: float) -> float:
        """Return when to ask for the next page: at once within a cycle, which begins an interval after the last one."""
        if self._next < len(self._watches):
            return now
        return max(now, self._cycle_at + self._pace.interval, min(self._may_be_tried_at(w) for w in self._watches))

    def query(self, now: float) -> SearchQuery:
        """Return the page to ask for next; begins a round, or a cycle, where none is under way."""
        if self._next == len(self._watches):
            self._cycle_at = now
            self._next = self._first_from(0, now) % len(self._watches)
        if self._round is None or self._round.query is None:
            watch = self._watches[self._next]
            last_good = self._ledger.last_good_cycle_at(self._source, watch.name)
            # A clock that was set back leaves the last good cycle in the future.
            start = self._cycle_at - self._window if last_good is None else min(last_good, self._cycle_at) - _OVERLAP
            self._round = SearchRound(watch.search, start, self._cycle_at)
        if self._round.query is None:
            raise AssertionError("a round begins with a page")
        return self._round.query

    def take(
        self,
        page: Page,
        now: float,
        is_selected: Callable[[str], bool],
        pending: Mapping[tuple[str, str], KnownAlert],
    ) -> RoundEnd | None:
        """Take in a page; return the end of its round, to be committed and told to `ended`, or None before.

        `is_selected` tells the alerts that are watched by their ids or by a file, and so belong there. `pending` is
        what the transaction that is being filled knows of alerts already: what a log told is not to be undone.
        """
        if self._round is None:
            return None
        self._round.take(page)
        if self._round.query is not None:
            return None
        watch, round_ = self._watches[self._next], self._round
        known = self._ledger.find(self._source, [sighting.alert_id for sighting in round_.sightings])
        findings = []
        for sighting in round_.sightings:
            before = pending.get((self._source, sighting.alert_id), known.get(sighting.alert_id))
            if before is None:
                findings.append(Finding(None, self._first_sight(watch, sighting, now)))
            elif before.rested_at is None:
                is_mine = before.watch not in self._names and not is_selected(sighting.alert_id)
                after = replace(before, watch=watch.name) if is_mine else before
                findings.append(Finding(before, see(after, sighting, now)))
        vanished = frozenset(self._missing(watch, findings)) if round_.is_complete else frozenset[str]()
        newly_vanished = vanished - self.vanished
        return RoundEnd(
            watch, round_.end, round_.is_complete, tuple(findings), vanished, newly_vanished, round_.rejected
        )

    def ended(self, end: RoundEnd, now: float) -> None:
        """Draw the conclusions of a round's end that was committed; the next watch has its turn."""
        self._label_sets.committed(finding.after.key for finding in end.findings)
        found = {finding.after.alert_id for finding in end.findings}
        self.watched.update(f.after.alert_id for f in end.findings if f.after.watch == end.watch.name)
        self.vanished = (self.vanished - found) | end.vanished
        if end.is_complete:
            self._ended.add(end.watch.name)
            self._have_cycled = self._have_cycled or self.have_ended
        if self._failing.pop(end.watch.name, None) is not None:
            log.info("search works again", source=self._source, watch=end.watch.name)
        self._turn(now)

    def failed(self, error: BlueKingError, now: float) -> None:
        """Give up this round, and leave its watch alone for a while; the next one has its turn."""
        if self._round is None:
            return  # of a watch that is gone
        name = self._watches[self._next].name
        before = self._failing.get(name)
        if before is None:
            log.error("search is in trouble", source=self._source, watch=name, reason=error.reason, error=str(error))
        streak = fail_search(None if before is None else before.streak, error.reason, now)
        self._failing[name] = _Failing(streak, str(error), search_retry_at(streak, now, self._pace, self._jitter()))
        self._turn(now)

    def clock_set_back(self, by: float) -> None:
        """Move what is planned with the clock."""
        self._cycle_at -= by
        self._failing = {n: replace(failing, retry_at=failing.retry_at - by) for n, failing in self._failing.items()}

    def restart(self) -> None:
        """Throw the round away, to be made anew: what it found could not be committed."""
        self._round = None

    def leave(self, alert_id: str) -> None:
        """Watch an alert no more."""
        self.watched.discard(alert_id)
        self.vanished.discard(alert_id)

    def _turn(self, now: float) -> None:
        self._round = None
        self._next = self._first_from(self._next + 1, now)

    def _first_from(self, index: int, now: float) -> int:
        ahead = range(index, len(self._watches))
        return next((i for i in ahead if self._may_be_tried_at(self._watches[i]) <= now), len(self._watches))

    def _may_be_tried_at(self, watch: SearchWatch) -> float:
        failing = self._failing.get(watch.name)
        return float("-inf") if failing is None else failing.retry_at

    def _first_sight(self, watch: SearchWatch, sighting: Sighting, now: float) -> KnownAlert:
        labels = self._label_sets.admit((self._source, sighting.alert_id), watch.labels(sighting))
        return KnownAlert(
            self._source,
            sighting.alert_id,
            labels,
            first_seen_at=now,
            counts_from=first_counts_from(self._ledger, self._source, watch.name, now, self._window),
            watch=watch.name,
            sighting=sighting,
            ack_sighted_at=now if sighting.is_acked else None,
            ack_target=self._targets.within(labels),
        )

    def _missing(self, watch: SearchWatch, findings: Sequence[Finding]) -> list[str]:
        found = {finding.after.alert_id for finding in findings}
        known = (self._ledger.get(self._source, alert_id) for alert_id in self.watched - found)
        return [k.alert_id for k in known if k is not None and k.watch == watch.name]
