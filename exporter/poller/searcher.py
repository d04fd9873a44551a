"""The searches of a source: cycles of rounds, the alerts that they watch, and what a round's findings mean."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from exporter.blueking import BlueKingError, Page, SearchQuery
from exporter.flow.advance import see
from exporter.flow.deadlines import AckTargets
from exporter.flow.known import KnownAlert
from exporter.flow.sightings import Sighting
from exporter.ledger import Ledger
from exporter.poller.cycle import first_counts_from
from exporter.poller.findings import Finding, Findings, RoundEnd, unreadable
from exporter.poller.label_sets import LabelSets
from exporter.poller.naming import watch_words
from exporter.poller.schedule import Pace, Streak, fail_search, search_retry_at
from exporter.poller.share import labelled
from exporter.watch.search import SearchPages, SearchWatch

_OVERLAP = 120.0  # seconds by which rounds overlap: an index may be behind by as much

log = structlog.get_logger()


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
    draws from 0 to 1. It watches the alerts that searches found and that do not rest; `vanished` are those among them
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
        self._round: SearchPages | None = None
        self._next = len(watches)  # which watch has its turn; beyond the last one between cycles
        self._cycle_at = 0.0
        self._failing: dict[str, _Failing] = {}
        self._ended: set[str] = set()
        self._have_cycled = not watches
        self._found: dict[str, set[str]] = {watch.name: set() for watch in watches}  # whom each watch has
        self.vanished: set[str] = set()

    @property
    def trouble(self) -> str:
        """Which searches could not be made when they were last tried, and why; empty where all could."""
        return "; ".join(failing.why for failing in self._failing.values())

    @property
    def has_work(self) -> bool:
        """Whether there is anything to search for: without a shard, nothing that is found is ours."""
        return bool(self._watches and self._ledger.owned)

    @property
    def have_ended(self) -> bool:
        """Whether every search had a complete round since the start, or since shards were gained."""
        return self._ended == self._names

    @property
    def have_cycled(self) -> bool:
        """Whether there was a time, since the start, when no search that there was lacked a complete round."""
        return self._have_cycled

    @property
    def names(self) -> frozenset[str]:
        """The names of the watches."""
        return self._names

    def watches(self, alert_id: str) -> bool:
        """Whether it watches an alert."""
        return any(alert_id in found for found in self._found.values())

    def restored(self) -> list[KnownAlert]:
        """Return the alerts that these searches found before, that do not rest and are not watched; now they are."""
        known = [k for k in self._ledger.unrested(self._source) if k.watch in self._names]
        watched = set().union(*self._found.values())
        new = [k for k in known if k.alert_id not in watched]
        for k in new:
            self._found[k.watch].add(k.alert_id)
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
        before, self._found = self._found, {name: self._found.get(name, set()) for name in self._names}
        gone = {alert_id for name, found in before.items() if name not in self._names for alert_id in found}
        self.vanished -= gone
        return gone

    @property
    def is_under_way(self) -> bool:
        """Whether a round has begun: its next page should not wait long, for what it pages through moves on."""
        return self._round is not None

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
            self._round = SearchPages(watch.search, self._start_of(watch), self._cycle_at)
        if self._round.query is None:
            raise AssertionError("a round begins with a page")
        return self._round.query

    def take(
        self,
        page: Page,
        now: float,
        is_selected: Callable[[str], bool],
        pending: Mapping[tuple[str, str], KnownAlert],
    ) -> Findings | None:
        """Take in a page; return what it tells, to be committed and told to `committed`.

        None where nobody waits for that page any more. `is_selected` tells the alerts that are watched by their ids or
        by a file, and so belong there. `pending` is what the transaction that is being filled knows of alerts already:
        what a log told is not to be undone.
        """
        if self._round is None:
            return None
        told = self._ours(self._round.take(page))
        watch = self._watches[self._next]
        news = tuple(self._news(watch, told, now, is_selected, pending))
        reappeared = frozenset(sighting.alert_id for sighting in told if sighting.alert_id in self.vanished)
        end = self._end_of(watch, self._round) if self._round.query is None else None
        return Findings(watch, news, reappeared, end)

    def committed(self, findings: Findings, now: float) -> None:
        """Draw the conclusions of findings that were committed; after the last page the next watch has its turn."""
        new = [finding.after for finding in findings.news]
        self._label_sets.committed(known.key for known in new)
        self._found[findings.watch.name].update(k.alert_id for k in new if k.watch == findings.watch.name)
        self.vanished -= findings.reappeared
        if findings.end is not None:
            self._round_ended(findings.watch.name, findings.end)
            self._turn(now)

    def failed(self, error: BlueKingError, now: float) -> None:
        """Give up this round, and leave its watch alone for a while; the next one has its turn."""
        if self._round is None:
            return  # of a watch that is gone
        watch = self._watches[self._next]
        name = watch.name
        before = self._failing.get(name)
        if before is None:
            log.error("search is in trouble", source=self._source, watch=name, reason=error.reason, error=str(error))
        streak = fail_search(None if before is None else before.streak, error.reason, now)
        why = f"watch ({watch_words(watch)}): {error}"
        self._failing[name] = _Failing(streak, why, search_retry_at(streak, now, self._pace, self._jitter()))
        self._turn(now)

    def clock_set_back(self, by: float) -> None:
        """Move what is planned with the clock."""
        self._cycle_at -= by
        self._failing = {n: replace(failing, retry_at=failing.retry_at - by) for n, failing in self._failing.items()}

    def restart(self) -> None:
        """Throw the round away, to be made anew: what it found could not be committed."""
        self._round = None

    def begin_anew(self) -> None:
        """Throw the round away, and begin with the first watch: shards were gained, whose alerts were left out."""
        self._round, self._next = None, len(self._watches)
        self._ended.clear()

    def stand_by(self) -> None:
        """Note that there is nothing to search for: nobody should wait for its first cycle."""
        self._have_cycled = True

    def leave(self, alert_id: str) -> None:
        """Watch an alert no more."""
        for found in self._found.values():
            found.discard(alert_id)
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

    def _start_of(self, watch: SearchWatch) -> float:
        """Return since when a round is to ask, so that no shard lacks what it did not see yet."""
        goods = [self._ledger.last_good_cycle_at(self._source, watch.name, shard) for shard in self._ledger.owned]
        # A clock that was set back leaves a good cycle in the future.
        return min(self._cycle_at - self._window if at is None else min(at, self._cycle_at) - _OVERLAP for at in goods)

    def _ours(self, told: list[Sighting]) -> list[Sighting]:
        if self._ledger.shards.number == 1:
            return told
        return [sighting for sighting in told if self._ledger.owns(self._source, sighting.alert_id)]

    def _first_sight(self, watch: SearchWatch, sighting: Sighting, now: float) -> KnownAlert:
        key = self._source, sighting.alert_id
        labels = self._label_sets.admit(key, labelled(self._ledger.shards, key, watch.labels(sighting)))
        return KnownAlert(
            self._source,
            sighting.alert_id,
            labels,
            first_seen_at=now,
            counts_from=first_counts_from(self._ledger, key, watch.name, now, self._window),
            watch=watch.name,
            sighting=sighting,
            ack_sighted_at=now if sighting.is_acked else None,
            ack_target=self._targets.within(labels),
        )

    def _news(
        self,
        watch: SearchWatch,
        sightings: Sequence[Sighting],
        now: float,
        is_selected: Callable[[str], bool],
        pending: Mapping[tuple[str, str], KnownAlert],
    ) -> Iterator[Finding]:
        """Yield the alerts of which something new is told: of most, as a rule, nothing is."""
        found = self._ledger.find(self._source, [sighting.alert_id for sighting in sightings])
        found |= {alert_id: known for (source, alert_id), known in pending.items() if source == self._source}
        mine = self._found[watch.name]
        for sighting in sightings:
            alert_id = sighting.alert_id
            before = found.get(alert_id)
            if before is None:
                if not is_selected(alert_id):  # it is about to join by its id
                    yield Finding(None, self._first_sight(watch, sighting, now))
            elif before.rested_at is None:
                is_mine = before.watch not in self._names and not is_selected(alert_id)
                after = see(replace(before, watch=watch.name) if is_mine else before, sighting, now)
                if after is not before or not (alert_id in mine or self.watches(alert_id) or is_selected(alert_id)):
                    yield Finding(before, after)

    def _end_of(self, watch: SearchWatch, round_: SearchPages) -> RoundEnd:
        vanished = self._found[watch.name].difference(round_.found) if round_.is_complete else frozenset[str]()
        newly_vanished = frozenset(vanished - self.vanished)
        rejects = unreadable(self._ledger, self._source, round_.rejected)
        owned = self._ledger.owned  # from the round's beginning on: a gain would have thrown it away
        return RoundEnd(round_.end, round_.is_complete, frozenset(vanished), newly_vanished, rejects, owned)

    def _round_ended(self, name: str, end: RoundEnd) -> None:
        self.vanished |= end.vanished & self._found[name]
        if end.is_complete:
            self._ended.add(name)
            self._have_cycled = self._have_cycled or self.have_ended
        if self._failing.pop(name, None) is not None:
            log.info("search works again", source=self._source, watch=name)
