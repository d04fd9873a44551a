"""The exporter as a whole: builds every room from the settings, runs them, and stops them in order."""

import queue
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import structlog
from sqlalchemy import make_url

from exporter import __version__
from exporter.blueking import BlueKing, Page, Reason
from exporter.config import HistogramSettings, Settings, SourceSettings
from exporter.flow.observations import Total
from exporter.flow.records import Log
from exporter.ledger import Bounds, Ledger, open_ledger
from exporter.metrics import OwnMetrics, Publisher
from exporter.poller.loop import Poller
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answers, Question, Workers
from exporter.watch import Watches, search_watches
from exporter.web import Server, make_app

_ENDPOINTS = ("get_event_log", "search_alert")

log = structlog.get_logger()


class Stopper:
    """Ends a service, whether it runs already or not; may be used from a signal handler or another thread."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.answers: Answers = queue.SimpleQueue()

    def stop(self) -> None:
        """Have the service's `run` return within seconds."""
        self.stopped.set()
        self.answers.put(None)


class Service:
    """A running exporter. Making it opens the ledger and listens; `run` polls until `stopper` stops it; `close` ends
    all. Raises `LedgerError` and `ListenError`, and then has nothing open.
    """

    def __init__(
        self,
        settings: Settings,
        stopper: "Stopper",
        *,
        host: str,
        port: int,
        telemetry_path: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stopper = stopper
        with ExitStack() as closing:
            own = OwnMetrics(__version__)
            own.config_loaded(clock())
            ledger = open_ledger(settings.ledger.url, bounds(settings.histograms), own.committed)
            closing.callback(ledger.close)
            self._poller = _poller(settings, ledger, own, stopper.answers, closing, clock)
            self._poller.select()
            self._publisher = Publisher(self._poller.moment(), own, clock)
            app = make_app(
                self._publisher,
                version=__version__,
                telemetry_path=telemetry_path,
                alert_url=settings.web.alert_url,
            )
            self._server = Server(app, host, port)
            closing.callback(self._server.stop)
            self._publisher.start()
            closing.callback(self._publisher.stop)
            self._closing = closing.pop_all()
        log.info(
            "listening",
            url=self._server.url,
            version=__version__,
            ledger=make_url(settings.ledger.url).render_as_string(),
        )

    @property
    def url(self) -> str:
        """Where the exporter is served."""
        return self._server.url

    def run(self) -> None:
        """Poll until stopped; what was asked by then is still committed."""
        self._poller.run(self._publisher, self._stopper.stopped)

    def close(self) -> None:
        """End the threads, free the port and the ledger."""
        self._closing.close()
        log.info("stopped")


def bounds(histograms: HistogramSettings) -> Bounds:
    """Return the bucket bounds of each histogram among the totals."""
    return {
        Total.TIME_TO_ACK: histograms.time_to_ack,
        Total.TIME_TO_FIRST_ACTION: histograms.time_to_first_action,
        Total.TIME_TO_END: histograms.time_to_end,
    }


def _poller(
    settings: Settings,
    ledger: Ledger,
    own: OwnMetrics,
    answers: Answers,
    closing: ExitStack,
    clock: Callable[[], float],
) -> Poller:
    jitter = random.Random().random  # noqa: S311 - spreads retries, guards no secret
    workers = {}
    sources = []
    for source in settings.sources:
        own.add_source(source.name, Reason, _ENDPOINTS)
        workers[source.name] = _workers(source, own, answers, closing, clock)
        sources.append(
            SourcePoller(
                source.name,
                watches=Watches(source.name, source.watch, settings.labels),
                searches=search_watches(source.name, source.watch, settings.labels),
                ledger=ledger,
                own=own,
                poll=settings.poll,
                limits=source.rate_limit,
                jitter=jitter,
                now=clock(),
            )
        )
    return Poller(
        sources,
        workers,
        answers,
        ledger,
        birth_hold=settings.web.birth_hold,
        retention=settings.ledger.retention,
        clock=clock,
    )


def _workers(
    source: SourceSettings, own: OwnMetrics, answers: Answers, closing: ExitStack, clock: Callable[[], float]
) -> Workers:
    client = BlueKing(source, observe=partial(own.requested, source.name), now=clock)
    closing.callback(client.close)

    def ask(question: Question) -> Log | Page:
        if question.query is not None:
            return client.search_alert(question.query)
        return client.get_event_log(question.key)

    workers = Workers(source.name, ask, source.rate_limit.concurrency, answers, clock)
    closing.callback(workers.stop)
    return workers
