"""The exporter as a whole: builds every room from the settings, runs them, and stops them in order."""

import queue
import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial

import structlog
from sqlalchemy import make_url

from exporter import __version__
from exporter.blueking import BlueKing, Page, Reason
from exporter.config import AckTargetSettings, HistogramSettings, Settings, SourceSettings
from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.flow.observations import Total
from exporter.flow.records import Log
from exporter.ledger import Bounds, Ledger, open_ledger
from exporter.metrics import LABEL_SETS, OwnMetrics, Publisher
from exporter.poller.label_sets import LabelSets
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
            ledger = open_ledger(
                settings.ledger.url, bounds(settings.histograms, settings.ack_targets), own.committed, clock
            )
            closing.callback(ledger.close)
            self._poller = _poller(settings, ledger, own, stopper.answers, closing, clock)
            self._poller.select()
            self._publisher = Publisher(self._poller.moment(), own, clock, own.series_dropped)
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


def bounds(histograms: HistogramSettings, targets: Iterable[AckTargetSettings] = ()) -> Bounds:
    """Return the bucket bounds of each histogram among the totals; each ack target is an exact one."""
    return {
        Total.TIME_TO_ACK: tuple(sorted({*histograms.time_to_ack, *(target.within for target in targets)})),
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
    for source in settings.sources:
        own.add_source(source.name, Reason, _ENDPOINTS)
    targets = AckTargets(AckTarget(target.match, target.within, target.objective) for target in settings.ack_targets)
    return Poller(
        _sources(settings, ledger, own, targets, clock),
        {source.name: _workers(source, own, answers, closing, clock) for source in settings.sources},
        answers,
        ledger,
        targets=targets,
        birth_hold=settings.web.birth_hold,
        alert_series=settings.limits.alert_series,
        created_series=settings.web.created_series,
        retention=settings.ledger.retention,
        clock=clock,
    )


def _sources(
    settings: Settings, ledger: Ledger, own: OwnMetrics, targets: AckTargets, clock: Callable[[], float]
) -> list[SourcePoller]:
    jitter = random.Random().random  # noqa: S311 - spreads retries, guards no secret
    label_sets = LabelSets(ledger.label_sets(), settings.limits.label_sets, partial(own.series_dropped, LABEL_SETS))
    return [
        SourcePoller(
            source.name,
            watches=Watches(source.name, source.watch, settings.label_names),
            searches=search_watches(source.name, source.watch, settings.labels),
            ledger=ledger,
            own=own,
            poll=settings.poll,
            targets=targets,
            label_sets=label_sets,
            limits=source.rate_limit,
            jitter=jitter,
            now=clock(),
        )
        for source in settings.sources
    ]


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
