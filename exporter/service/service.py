"""The service: the ledger, the loop, the web server and the reloads, made together and ended in order."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from functools import partial
from wsgiref.types import WSGIApplication

import structlog
from sqlalchemy import make_url

from exporter import __version__
from exporter.config import ConfigError, Settings, effective_yaml, format_duration
from exporter.ledger import LedgerError, LedgerTaken, open_ledger
from exporter.ledger.reading import find_alerts
from exporter.metrics import OwnMetrics, Publisher
from exporter.poller.loop import Poller, Terms
from exporter.poller.workers import Answers
from exporter.service.bounds import bounds
from exporter.service.reloader import Outcome, Reloader
from exporter.service.sources import Draft, Sources, ack_targets
from exporter.web import Front, Scrapes, Server, WebConfig

log = structlog.get_logger()


class NeedsRestart(Exception):
    """A config differs from the one in force in what cannot change while running; the message tells in which key."""


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

    From then on it reloads whenever `reloader` is asked to.
    """

    def __init__(
        self,
        settings: Settings,
        stopper: Stopper,
        *,
        host: str,
        port: int,
        telemetry_path: str,
        clock: Callable[[], float] = time.time,
        reloader: Reloader | None = None,
        web_config: WebConfig | None = None,
    ) -> None:
        self._settings = settings
        self._stopper = stopper
        self._clock = clock
        with ExitStack() as closing:
            self._own = OwnMetrics(__version__)
            self._own.config_loaded(clock())
            self._ledger = open_ledger(
                settings.ledger.url,
                bounds(settings.histograms, settings.ack_targets),
                self._own.committed,
                clock,
                settings.shards,
            )
            closing.callback(self._ledger.close)
            self._sources = Sources(self._ledger, self._own, stopper.answers, clock)
            closing.callback(self._sources.end)
            self._poller = self._start(settings)
            self._poller.select()
            self._publisher = Publisher(self._poller.moment(), self._own, clock, self._own.series_dropped)
            self._server = Server(self._front(telemetry_path, reloader), host, port, web_config)
            closing.callback(self._server.stop)
            self._publisher.start()
            closing.callback(self._publisher.stop)
            if reloader is not None:
                closing.callback(reloader.stop)
                reloader.start(partial(self._reload, reloader.load), stopper.answers.put)
            self._closing = closing.pop_all()
        log.info("listening", url=self._server.url, version=__version__, **_effective(settings))

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

    def adopt(self, settings: Settings) -> None:
        """Put other settings into force, all at once, between two iterations of the loop; returns when that is done.

        Any thread may call it, one at a time. Raises `NeedsRestart` and `LedgerError`, and `CancelledError` where the
        service stops; then nothing has changed.
        """
        for key, was, is_ in (
            ("ledger.url", self._settings.ledger.url, settings.ledger.url),
            ("shards", self._settings.shards, settings.shards),
        ):
            if is_ != was:
                raise NeedsRestart(f"{key}: differs from the one in force, and needs a restart")
        draft = self._sources.draft(settings)
        try:
            self._poller.soon(partial(self._exchange, draft)).result()
        except BaseException:
            draft.discard()
            raise

    def _front(self, telemetry_path: str, reloader: Reloader | None) -> Front:
        return Front(telemetry_path, Scrapes(self._publisher), lambda: self._pages(telemetry_path, reloader))

    def _pages(self, telemetry_path: str, reloader: Reloader | None) -> WSGIApplication:
        from exporter.web.app import make_app  # Flask and all the pages, of which no scrape needs any
        from exporter.web.config_page import add_config_page
        from exporter.web.reload import add_reload

        app = make_app(
            self._publisher,
            version=__version__,
            telemetry_path=telemetry_path,
            alert_url=lambda: self._settings.web.alert_url,
            find_alerts=partial(find_alerts, self._settings.ledger.url),
            clock=self._clock,
        )
        add_config_page(app, lambda: effective_yaml(self._settings))
        add_reload(app, reloader.reload if reloader is not None and reloader.over_http else None)
        return app

    def _start(self, settings: Settings) -> Poller:
        draft = self._sources.draft(settings)
        try:
            new = self._sources.make_pollers(draft)
        except BaseException:
            draft.discard()
            raise
        self._sources.adopt(draft, new)
        return Poller(
            self._sources.pollers.values(),
            self._sources.workers,
            self._stopper.answers,
            self._ledger,
            _terms(settings),
            clock=self._clock,
            tell_membership=self._own.membership,
        )

    def _exchange(self, draft: Draft) -> None:
        """In the loop's thread: first what may fail, then what cannot."""
        settings = draft.settings
        new = self._sources.make_pollers(draft)
        self._ledger.adopt_bounds(bounds(settings.histograms, settings.ack_targets))
        self._sources.end_outdated(draft)
        self._poller.take_in()
        self._sources.adopt(draft, new)
        self._poller.adopt(self._sources.pollers.values(), self._sources.workers, _terms(settings))
        self._settings = settings
        self._own.config_loaded(self._clock())

    def _reload(self, load: Callable[[], Settings]) -> Outcome:
        try:
            self.adopt(load())
        except CancelledError:
            return Outcome("the exporter stops")
        except (ConfigError, NeedsRestart, LedgerError, LedgerTaken) as error:
            log.error("config is not reloaded, the one before stays in force", faults=str(error))
            self._own.config_refused()
            self._poller.soon(self._poller.refresh)
            return Outcome(str(error))
        log.info("config reloaded", **_effective(self._settings))
        return Outcome()


def _terms(settings: Settings) -> Terms:
    return Terms(
        settings.web.birth_hold,
        settings.ledger.retention,
        ack_targets(settings),
        settings.limits.alert_series,
        settings.web.created_series,
    )


def _effective(settings: Settings) -> dict[str, object]:
    """Return what a line of the log tells of the settings; all of them are at /config."""
    return {
        "sources": ",".join(source.name for source in settings.sources),
        "watches": sum(len(source.watch) for source in settings.sources),
        "interval": format_duration(settings.poll.interval),
        "labels": ",".join(settings.label_names),
        "ack_targets": len(settings.ack_targets),
        "birth_hold": format_duration(settings.web.birth_hold),
        "ledger": make_url(settings.ledger.url).render_as_string(),
        "retention": format_duration(settings.ledger.retention),
    }
