"""A source poller at a desk: its clock, its answers and its ledger are in the test's hands."""

from collections import Counter
from pathlib import Path

from exporter.blueking import BlueKingError
from exporter.config import PollSettings, RateLimitSettings, load_config
from exporter.flow.observations import Total
from exporter.flow.records import FlowRecord, Log
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import OwnMetrics, SourceState
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answer
from exporter.watch import Watches

BORN = 1_700_000_000.0
BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
POLL = PollSettings(interval=30.0, acked_interval=300.0, settle=10.0, first_seen_window=3600.0)


def log(*rows: tuple[str, float]) -> Log:
    """Return a log of (operate, unix seconds) pairs, given oldest first."""
    return Log(tuple(FlowRecord(operate, "SUCCESS", at) for operate, at in reversed(rows)))


class Desk:
    """Asks and answers for one source that watches a file; made anew on the same folder, it is a restart."""

    def __init__(self, folder: Path, now: float, limits: RateLimitSettings | None = None) -> None:
        self.folder = folder
        self.now = now
        self.own = OwnMetrics("1.2.3")
        self.ledger: Ledger = open_ledger(f"sqlite:///{folder}/flow.db", BOUNDS)
        config = folder / "config.yaml"
        config.write_text(
            "sources: [{name: prod, url: 'http://127.0.0.1:9', auth: {app_code: a, app_secret: b, username: c},"
            " watch: [{files: [watch.yaml]}]}]"
        )
        self.poller = SourcePoller(
            "prod",
            watches=Watches(load_config(config, {}).sources[0], ("severity",)),
            ledger=self.ledger,
            own=self.own,
            poll=POLL,
            limits=limits or RateLimitSettings(requests_per_second=100.0, burst=100, concurrency=100),
            jitter=lambda: 1.0,
            now=now,
        )

    def watch(self, *alert_ids: str) -> None:
        """Write the watch file and have it read."""
        partial = self.folder / "watch.partial"
        partial.write_text(f"[{{alerts: [{', '.join(map(repr, alert_ids))}]}}]")
        partial.replace(self.folder / "watch.yaml")
        self.poller.select(self.now)

    def asked(self) -> list[str]:
        """Return the alerts that are asked for now."""
        questions = []
        while (alert_id := self.poller.next_question(self.now)) is not None:
            questions.append(alert_id)
        return questions

    def answer(self, alert_id: str, told: Log | BlueKingError) -> None:
        """Take in what came of a question that was asked now."""
        answer = Answer("prod", alert_id, self.now, told)
        with self.ledger.transaction() as tx:
            self.poller.take(answer, tx, self.now)
        self.poller.reschedule(answer, self.now)

    def serve(self, answers: dict[str, Log | BlueKingError]) -> None:
        """Answer whatever is asked now, each alert with what is said of it, then end the cycle."""
        for alert_id in self.asked():
            self.answer(alert_id, answers[alert_id])
        self.cycle()

    def cycle(self) -> None:
        """End a cycle."""
        with self.ledger.transaction() as tx:
            self.poller.cycle(tx, self.now)

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
        return Desk(self.folder, now)

    def close(self) -> None:
        """Free the ledger."""
        self.ledger.close()
