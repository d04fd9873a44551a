"""The alerts of one source that are watched, by ids, by files or found by searches: who joins and who leaves."""

from collections.abc import Collection
from itertools import islice
from math import inf

from exporter.config import PollSettings
from exporter.flow.deadlines import AckTargets
from exporter.flow.known import KnownAlert
from exporter.ledger import Ledger
from exporter.poller.census import Census
from exporter.poller.cycle import first_counts_from
from exporter.poller.findings import Findings
from exporter.poller.label_sets import LabelSets
from exporter.poller.parts import Parts
from exporter.poller.schedule import Pace, next_poll_at, sighted_due_at
from exporter.poller.share import Share, labelled
from exporter.watch import SearchWatch, Selection, Watches

SEARCH = " search"
"""Stands for the next page of a search among the alerts' ids, none of which has a blank."""

_AT_ONCE = 500
"""How many alerts join in one transaction; between two of them the loop asks, and takes in what was answered."""


def pace_of(poll: PollSettings) -> Pace:
    """Return how often alerts are asked about."""
    return Pace(poll.interval, poll.acked_interval, poll.refresh, poll.settle)


class Roster:
    """Puts who joins into the turnstile, and takes out who leaves. Used by one thread; all times in unix seconds.

    `census` tells who is watched, and how many of them are in which state.
    """

    def __init__(
        self,
        source: str,
        watches: Watches,
        ledger: Ledger,
        parts: Parts,
        *,
        poll: PollSettings,
        targets: AckTargets,
        label_sets: LabelSets,
    ) -> None:
        self._source = source
        self.watches = watches
        self._ledger = ledger
        self._poll = poll
        self._pace = pace_of(poll)
        self._targets = targets
        self._label_sets = label_sets
        self._searcher = parts.searcher
        self._turnstile = parts.turnstile
        self._streaks = parts.streaks
        self._health = parts.health
        self._progress = parts.progress
        self._skew = parts.skew
        self._share = Share(source, ledger.shards, ledger.owned)
        self._selection: Selection = {}
        self._waiting: dict[str, None] = {}  # who is selected and did not join yet, in the selection's order
        self.census = Census(source)

    def __contains__(self, alert_id: str) -> bool:
        """Whether an alert is watched."""
        return alert_id in self._selection or self._searcher.watches(alert_id)

    def is_selected(self, alert_id: str) -> bool:
        """Whether an alert is watched by its id or by a file."""
        return alert_id in self._selection

    @property
    def has_selected(self) -> bool:
        """Whether the watches in force were looked at, and all whom they select joined."""
        return self._progress.has_selected and not self._waiting

    @property
    def is_joining(self) -> bool:
        """Whether some who are selected did not join yet."""
        return bool(self._waiting)

    def select(self, now: float) -> bool:
        """Adopt what the watches select now; return whether that changed. Raises `LedgerError`.

        Of many who join only the first do so here, the others by and by with `join`.
        """
        selection = self._share.of(self.watches.selection())
        if selection is not self._selection:
            self._turn_to(selection)
        elif self.has_selected:
            return False
        self.join(now)
        return True

    def join(self, now: float) -> None:
        """Have the next ones join who are selected; nobody does where it raises `LedgerError`."""
        added = list(islice(self._waiting, _AT_ONCE))
        with self._ledger.transaction() as tx:
            known = self._ledger.find(self._source, added)
            if self._ledger.owned is not self._share.owned:
                return  # some of them are others' now: that is to be adopted first
            for alert_id in added:
                if alert_id not in known:
                    known[alert_id] = self._first_sight(alert_id, now)
                    tx.put(known[alert_id])
        self._label_sets.committed((self._source, alert_id) for alert_id in added)
        for alert_id in added:
            del self._waiting[alert_id]
        joining = [known[alert_id] for alert_id in added]
        self._join(joining, now, latest=now)
        self._skew.add_all([each for each in joining if each.rested_at is None], now)
        if self._waiting:
            return
        if not self._progress.has_selected:
            self._begin_searching(now)
        self._progress.selected()

    def take_in(self, findings: Findings, now: float) -> None:
        """Watch what a page of a search told of, and have read what is news."""
        new = [finding.after for finding in findings.news if finding.after.alert_id not in self]
        self._searcher.committed(findings, now)
        self._join(new, now)
        self._skew.add_all(new, now)
        for finding in findings.news:
            due_at = sighted_due_at(finding.before, finding.after, now, self._pace)
            if due_at is not None:
                self._turnstile.put(finding.after.alert_id, due_at)
        for alert_id in findings.end.newly_vanished if findings.end is not None else ():
            # One that fails has its own time: an answer that flickers would undo its quarantine.
            if alert_id in self and not self._streaks.has_failed(alert_id):
                self._turnstile.put(alert_id, now)
        self._progress.conclude()

    def leave(self, alert_id: str) -> None:
        """Ask about an alert no more: it rests, or is not selected any more."""
        self._turnstile.drop(alert_id)
        self._progress.leave(alert_id)
        self._streaks.clear(alert_id)
        self._health.forget(alert_id)
        self._searcher.leave(alert_id)
        if alert_id in self._selection:
            self.census.rest(alert_id)
        else:
            self.census.leave(alert_id)

    def adopt(
        self,
        watches: Watches | None,
        searches: tuple[SearchWatch, ...],
        poll: PollSettings,
        targets: AckTargets,
        now: float,
    ) -> None:
        """Go by other settings from now on; `watches` is None where they are the same.

        Who is watched before and after stays as it is; who joins does so at the next `select`.
        """
        is_other_pace = pace_of(poll) != self._pace
        self._poll, self._pace, self._targets = poll, pace_of(poll), targets
        if watches is not None:
            self.watches = watches
            self._progress.has_selected = False  # until the next `select`, no cycle can end
        gone = self._searcher.adopt(searches, poll.first_seen_window, targets, self._pace)
        for alert_id in gone - self._selection.keys():
            self.leave(alert_id)
        if is_other_pace:
            self._plan_anew(now)

    def adopt_shards(self, now: float) -> None:
        """Go by the shards that are owned now: the alerts of lost ones leave, and those of gained ones join, as after
        a start.
        """
        before, owned = self._share.owned, self._ledger.owned
        if owned is before:
            return
        kept = before & owned
        if kept != before:
            self._share.owned = kept
            self._lose()
        self._share.owned = owned
        self._label_sets.learn(owned, self._ledger.label_sets)
        self._turn_to(self._share.of(self.watches.selection()))
        if kept != owned:
            self._searcher.begin_anew()
        if not owned or (kept != owned and self._progress.has_selected):
            self._begin_searching(now)
        self._progress.conclude()

    def _lose(self) -> None:
        """Have all leave who are not in our share; what was asked about them tells nothing, even if they come back."""
        lost = [alert_id for _, alert_id in self.census.watched if alert_id not in self._share]
        self._turnstile.forsake(lambda key: key != SEARCH and key not in self._share)
        self._selection = self._share.of(self._selection)
        for alert_id in lost:
            self.leave(alert_id)

    def _plan_anew(self, now: float) -> None:
        """Have nobody wait for longer than the new pace says; who failed, or is asked just now, keeps their time."""
        for _, alert_id in self.census.watched:
            known, due_at = self._ledger.get(self._source, alert_id), self._turnstile.due_at(alert_id)
            if known is None or known.read_at is None or due_at is None or self._streaks.has_failed(alert_id):
                continue
            at = next_poll_at(known, now, self._pace)
            if at is not None and at < due_at:
                self._turnstile.put(alert_id, at)
        if self._searcher.has_work and self._progress.has_selected:
            self._turnstile.put(SEARCH, self._searcher.due_at(now))

    def _turn_to(self, selection: Selection) -> None:
        """Have those leave whom nobody selects any more, and the new ones wait to join."""
        before, waiting = self._selection, self._waiting
        self._selection = selection
        self._waiting = dict.fromkeys(i for i in selection if i not in before or i in waiting)
        for alert_id in before.keys() - selection.keys():
            if not self._searcher.watches(alert_id):
                self.leave(alert_id)

    def _begin_searching(self, now: float) -> None:
        if not self._searcher.has_work:
            self._turnstile.drop(SEARCH)
            self._searcher.stand_by()
            return
        self._turnstile.put(SEARCH, now)
        restored = self._searcher.restored()
        self._join(restored, now)
        self._skew.add_all(restored, now)

    def _first_sight(self, alert_id: str, now: float) -> KnownAlert:
        selected = self._selection[alert_id]
        key, window = (self._source, alert_id), self._poll.first_seen_window
        labels = self._label_sets.admit(key, labelled(self._ledger.shards, key, selected.labels))
        return KnownAlert(
            self._source,
            alert_id,
            labels,
            first_seen_at=now,
            counts_from=first_counts_from(self._ledger, key, selected.watch, now, window),
            ack_target=self._targets.within(labels),
        )

    def _join(self, alerts: Collection[KnownAlert], now: float, *, latest: float = inf) -> None:
        """Have alerts read when they would have been due, had they been watched before, or at `latest`.

        At the earliest that is now, but for those that another member may have had. They are as late as they are: a
        rule would else take what was known of them for what is known now.
        """
        earliest = -inf if self._ledger.shards.number > 1 else now
        due: dict[str, float] = {}
        unread: list[str] = []
        for known in alerts:
            if known.rested_at is not None:
                continue
            if known.read_at is None:
                unread.append(known.alert_id)
            at = None if known.read_at is None else next_poll_at(known, known.read_at, self._pace)
            due[known.alert_id] = now if at is None else max(earliest, min(at, latest))
        self.census.note_all(alerts)
        self._progress.join(due=[alert_id for alert_id, at in due.items() if at <= now], unread=unread)
        self._turnstile.put_all(due)
