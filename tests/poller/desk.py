"""A source poller at a desk: its clock, its answers and its ledger are in the test's hands."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from exporter.blueking import BlueKingError, Page, Reason
from exporter.config import LabelSettings, PollSettings, RateLimitSettings
from exporter.flow.deadlines import NO_TARGETS, AckTargets
from exporter.flow.observations import Total
from exporter.flow.records import FlowRecord, Log
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import LABEL_SETS, OwnMetrics, SourceState
from exporter.poller.label_sets import LabelSets
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answer, Question
from exporter.watch import Watches, search_watches
from tests.watching import make_source, write_watch_file

BORN = 1_700_000_000.0
BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
FIELDS = (LabelSettings(field="severity"),)
POLL = PollSettings(interval=30.0, acked_interval=300.0, settle=10.0, first_seen_window=3600.0)
LIMITS = RateLimitSettings(requests_per_second=100.0, burst=1000, concurrency=100)
"""Of a source that nothing has to wait for."""


def log(*rows: tuple[str, float]) -> Log:
    """Return a log of (operate, unix seconds) pairs, given oldest first."""
    return Log(tuple(FlowRecord(operate, "SUCCESS", at) for operate, at in reversed(rows)))


class Desk:
    """Asks and answers for one source that watches a file; made anew on the same folder, it is a restart."""

    def __init__(
        self,
        folder: Path,
        now: float,
        limits: RateLimitSettings = LIMITS,
        watch: str = "[{files: [watch.yaml]}]",
        poll: PollSettings = POLL,
        targets: AckTargets = NO_TARGETS,
        most_label_sets: int | None = None,
        url: str = "",
        shards: int = 1,
    ) -> None:
        self.folder = folder
        self.now = now
        self.own = OwnMetrics("1.2.3")
        self.own.add_source("prod", Reason, ["get_event_log"])
        bounds = {**BOUNDS, Total.TIME_TO_ACK: (60.0, *(target.within for target in targets))}
        self.ledger: Ledger = open_ledger(url or f"sqlite:///{folder}/flow.db", bounds, shards=shards)
        source = make_source(folder, watch)
        watches = Watches("prod", source.watch, [label.field for label in FIELDS])
        self.watch_name = next(iter(watches.names), "")
        self._watch = watch
        self.poller = SourcePoller(
            "prod",
            watches=watches,
            searches=search_watches("prod", source.watch, FIELDS),
            ledger=self.ledger,
            own=self.own,
            poll=poll,
            targets=targets,
            label_sets=LabelSets(
                self.ledger.label_sets(), most_label_sets, partial(self.own.series_dropped, LABEL_SETS)
            ),
            limits=limits,
            jitter=lambda: 1.0,
            now=now,
        )

    def watch(self, *alert_ids: str) -> None:
        """Write the watch file and have it read."""
        write_watch_file(self.folder, *alert_ids)
        self.poller.select(self.now)

    def adopt(
        self,
        watch: str | None = None,
        *,
        searching: str = "[{alerts: ['1']}]",
        poll: PollSettings = POLL,
        limits: RateLimitSettings = LIMITS,
        targets: AckTargets = NO_TARGETS,
    ) -> None:
        """Have the source polled by other settings; `watch` is what it watches where that changes."""
        source = make_source(self.folder, watch or searching)
        self.poller.adopt(
            watches=None if watch is None else Watches("prod", source.watch, [label.field for label in FIELDS]),
            searches=search_watches("prod", source.watch, FIELDS),
            poll=poll,
            targets=targets,
            limits=limits,
            now=self.now,
        )
        self.poller.select(self.now)

    def asked(self) -> list[str]:
        """Return what is asked for now: alerts, by their ids."""
        return [question.key for question in self.questions()]

    def questions(self) -> Iterator[Question]:
        """Yield what is asked for now."""
        while (question := self.poller.next_question(self.now)) is not None:
            yield question

    def answer(self, alert_id: str, told: Log | Page | BlueKingError, asked_at: float | None = None) -> None:
        """Take in what came of a question that was asked, as a rule, just now."""
        answer = Answer("prod", alert_id, self.now if asked_at is None else asked_at, told)
        self.poller.answered()
        with self.ledger.transaction() as tx:
            self.poller.take(answer, tx, self.now)
        self.poller.reschedule(answer, self.now)

    def serve(self, answers: Mapping[str, Log | BlueKingError]) -> None:
        """Answer whatever is asked now, each alert with what is said of it, then end the cycle."""
        for alert_id in self.asked():
            self.answer(alert_id, answers[alert_id])
        self.cycle()

    def cycle(self) -> None:
        """End a cycle, where it can end."""
        end = self.poller.ending_cycle(self.now)
        if end is not None:
            with self.ledger.transaction() as tx:
                end.fill(tx)
            self.poller.cycle_ended(end)

    def records(self) -> Counter[str]:
        """Return the committed records by operate."""
        counted: Counter[str] = Counter()
        for series, total in self.ledger.view().totals.items():
            if series.total is Total.RECORDS:
                counted[dict(series.labels)["operate"]] += int(total.values[0])
        return counted

    def state(self) -> SourceState:
        """Return how the source stands."""
        return self.poller.state(self.now)

    def restart(self, now: float) -> "Desk":
        """Return a new desk on the same folder."""
        self.close()
        return Desk(self.folder, now, watch=self._watch)

    def close(self) -> None:
        """Free the ledger."""
        self.ledger.close()
