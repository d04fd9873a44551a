"""Reading a source: its searches over the range, then the log of each alert, into the spool."""

import queue
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from exporter.backfill.asking import Asking
from exporter.backfill.progress import Progress
from exporter.backfill.spool import Spool
from exporter.blueking import BlueKing, BlueKingError, Page
from exporter.config import LabelSettings, SearchSettings, SourceSettings
from exporter.flow.deadlines import AckTargets
from exporter.flow.known import KnownAlert, creation_from_id
from exporter.flow.records import Log
from exporter.poller.label_sets import LabelSets
from exporter.poller.workers import Answer, Answers, Question, Workers
from exporter.watch import Watches, search_watches
from exporter.watch.search import SearchRound

_SEARCH = " search"  # stands among the alerts' ids, none of which has a blank
_OPEN = "ABNORMAL"
_WAKE_EVERY = 1.0


class Trouble(Exception):
    """A source could not be asked for all that it was to be asked; the message says why."""


class SourceReading:
    """Asks a source for what the spool lacks, as hard as its rate limit lets it, and tells what the spool then has.

    `fields` are the config's `labels`. `clock` tells seconds that only grow; `jitter` draws from 0 to 1. `rejected`
    counts the rows of searches that could not be read, by reason.
    """

    def __init__(
        self,
        source: SourceSettings,
        fields: tuple[LabelSettings, ...],
        spool: Spool,
        client: BlueKing,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self.name = source.name
        self.rejected: Counter[str] = Counter()
        self._spool = spool
        self._clock = clock
        self._limits = source.rate_limit
        self._selection = Watches(source.name, source.watch, [label.field for label in fields]).selection()
        self._searches = search_watches(source.name, source.watch, fields)
        self._asking = Asking(source.rate_limit, jitter, clock())
        self._client = client

    def label_names(self) -> frozenset[str]:
        """Return the names of the labels that alerts may get."""
        names = {name for selected in self._selection.values() for name, _ in selected.labels}
        for search in self._searches:
            names.update(name for name, _ in search.base)
            names.update(label.field for label in search.fields)
        return frozenset(names)

    def search(self, progress: Progress) -> None:
        """Make the searches that were not made yet; raises Trouble where one cannot be made in full."""
        left = [i for i in range(len(self._searches)) if (self.name, i) not in self._spool.searched]
        if left:
            with progress.task(f"{self.name}: searches", len(left)):
                for index in left:
                    round_ = self._search_round(index)
                    self._spool.add_search(self.name, index, round_.sightings)
                    self.rejected.update(round_.rejected)
                    progress.advance()

    def read_logs(self, progress: Progress) -> Mapping[str, BlueKingError]:
        """Read the logs that were not read yet; return the alerts whose log cannot be read, and why.

        Raises Trouble where the source answers no more.
        """
        left = [alert_id for alert_id in self._alert_ids() if not self._spool.has_log(self.name, alert_id)]
        for alert_id in left:
            self._asking.put(alert_id, 0.0)

        def take(answer: Answer) -> None:
            if isinstance(answer.told, Log):
                self._spool.add_log(self.name, answer.key, answer.told)
                progress.advance()

        with progress.task(f"{self.name}: logs", len(left)):
            self._drive(take, Question)
        return self._asking.missing

    def alerts(self, targets: AckTargets, label_sets: LabelSets) -> Iterator[tuple[KnownAlert, Log]]:
        """Yield each alert whose log was read, as known before its first read, in the order of their ids.

        Ids and files go before searches, of those the first one in the config, as in `serve`.
        """
        for alert_id in self._alert_ids():
            if self._spool.has_log(self.name, alert_id):
                yield self._known(alert_id, targets, label_sets), self._spool.log(self.name, alert_id)

    def _known(self, alert_id: str, targets: AckTargets, label_sets: LabelSets) -> KnownAlert:
        found = self._spool.found.get((self.name, alert_id))
        selected = self._selection.get(alert_id)
        if selected is not None:
            labels = selected.labels
        elif found is not None:
            labels = self._searches[found.watch].labels(found.sighting)
        else:
            raise AssertionError("an alert is selected by its id, or found")
        labels = label_sets.admit((self.name, alert_id), labels)
        return KnownAlert(
            self.name,
            alert_id,
            labels,
            first_seen_at=self._spool.query.start,
            sighting=None if found is None else found.sighting,
            ack_target=targets.within(labels),
        )

    def _alert_ids(self) -> list[str]:
        """Return the alerts in question; a fixed id that tells a later creation is none of them."""
        query = self._spool.query
        created = ((i, creation_from_id(i, query.asked_at)) for i in self._selection)
        fixed = {alert_id for alert_id, at in created if at is None or at <= query.end}
        return sorted(fixed | {alert_id for source, alert_id in self._spool.found if source == self.name})

    def _search_round(self, index: int) -> SearchRound:
        query = self._spool.query
        round_ = SearchRound(_whenever_open(self._searches[index].search), query.start, query.end)

        def take(answer: Answer) -> None:
            if isinstance(answer.told, Page):
                round_.take(answer.told)
                if round_.query is not None:
                    self._asking.put(_SEARCH, 0.0)

        self._asking.put(_SEARCH, 0.0)
        self._drive(take, lambda key: Question(key, round_.query))
        error = self._asking.missing.pop(_SEARCH, None)
        if error is not None:
            raise Trouble(f"{self.name}: search {index + 1} failed: {error}")
        if not round_.is_complete:
            raise Trouble(f"{self.name}: search {index + 1} was answered in part only")
        return round_

    def _drive(self, take: Callable[[Answer], None], question: Callable[[str], Question]) -> None:
        """Ask until there is nothing more to ask; raises Trouble where the source has to be left alone."""
        answers: Answers = queue.SimpleQueue()
        workers = Workers(self.name, self._ask, self._limits.concurrency, answers, self._clock)
        try:
            while not self._asking.is_over:
                now = self._clock()
                while (key := self._asking.next(now)) is not None:
                    workers.submit(question(key))
                self._collect(answers, take)
        finally:
            workers.stop()
        if self._asking.stopped_by is not None:
            raise Trouble(f"{self.name}: {self._asking.stopped_by}")

    def _collect(self, answers: Answers, take: Callable[[Answer], None]) -> None:
        now = self._clock()
        wakes_at = self._asking.wakes_at(now)
        try:
            told = answers.get(timeout=_WAKE_EVERY if wakes_at is None else min(_WAKE_EVERY, wakes_at - now))
        except queue.Empty:
            return
        if isinstance(told, BaseException):
            raise told
        if told is not None:
            error = told.told if isinstance(told.told, BlueKingError) else None
            take(told)
            self._asking.answered(told.key, error, told.asked_at, self._clock())

    def _ask(self, question: Question) -> Log | Page:
        if question.query is not None:
            return self._client.search_alert(question.query)
        return self._client.get_event_log(question.key)


def _whenever_open(search: SearchSettings) -> SearchSettings:
    """Return the search as it was made at any time of the range: whoever looks for open alerts finds each of them.

    Today most of them have ended, and a search for open ones would find none of those.
    """
    return search.model_copy(update={"status": ()}) if _OPEN in search.status else search
