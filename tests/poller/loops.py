"""The loop as it runs: with real threads and a real ledger, over a source whose answers a function gives."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.config import PollSettings, RateLimitSettings
from exporter.flow.records import FlowRecord, Log
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import Form, Format, OwnMetrics, Publisher
from exporter.poller.loop import Poller, Terms
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answers, Workers
from exporter.watch import Watches
from tests.poller.desk import BOUNDS, POLL
from tests.watching import make_source

QUICK = POLL.model_copy(update={"interval": 0.1, "acked_interval": 0.1, "settle": 0.0})


class Loop:
    """A running loop over one source whose answers a function gives."""

    def __init__(
        self,
        folder: Path,
        ask: Callable[[str], Log],
        *,
        poll: PollSettings = QUICK,
        birth_hold: float = 0.0,
        retention: float = 1e9,
        url: str = "",
        shards: int = 1,
    ) -> None:
        self.ledger: Ledger = open_ledger(url or f"sqlite:///{folder}/flow.db", BOUNDS, shards=shards)
        self.answers: Answers = queue.SimpleQueue()
        own = OwnMetrics("1.2.3")
        self.offset = 0.0  # what the wall clock is wrong by
        source = SourcePoller(
            "prod",
            watches=Watches("prod", make_source(folder).watch, ()),
            ledger=self.ledger,
            own=own,
            poll=poll,
            limits=RateLimitSettings(),
            jitter=lambda: 1.0,
            now=time.time(),
        )
        self.workers = Workers("prod", lambda question: ask(question.key), 2, self.answers, self.clock)
        self.poller = Poller(
            [source],
            {"prod": self.workers},
            self.answers,
            self.ledger,
            Terms(birth_hold, retention),
            clock=self.clock,
            tell_membership=own.membership,
        )
        self.publisher = Publisher(self.poller.moment(), own, self.clock)
        self.started_at = self.clock()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.raised: BaseException | None = None

    def clock(self) -> float:
        """Tell the time as this machine believes it."""
        return time.time() + self.offset

    def _run(self) -> None:
        try:
            self.poller.run(self.publisher, self.stopping)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.raised = error

    def stop(self) -> None:
        """Stop as a signal does, and wait for the end."""
        self.stopping.set()
        self.answers.put(None)
        self.thread.join(20)
        assert not self.thread.is_alive()

    def records(self) -> float:
        """Return the committed number of records."""
        return sum(t.values[0] for s, t in self.ledger.view().totals.items() if s.total == "records")

    def remembered(self, *alert_ids: str) -> set[str]:
        """Return which of these alerts the ledger knows; only the loop's thread may ask it."""
        found: set[str] = set()
        self.poller.soon(lambda: found.update(self.ledger.find("prod", alert_ids))).result(20)
        return found

    def scraped(self) -> list[str]:
        """Return the values of the records metric in a scrape."""
        lines = self.publisher.scrape(Form(Format.TEXT)).decode().splitlines()
        return [line.rsplit(" ", 1)[1] for line in lines if line.startswith("bkmonitor_flow_records_total{")]


@contextmanager
def running(loop: Loop) -> Iterator[Loop]:
    """Run a loop, and end it."""
    loop.publisher.start()
    loop.thread.start()
    try:
        yield loop
    finally:
        loop.stop()
        loop.workers.stop()
        loop.publisher.stop()
        loop.ledger.close()


def created(_alert_id: str) -> Log:
    """Answer with an alert that was just created."""
    return Log((FlowRecord("CREATE", "SUCCESS", time.time()),))
