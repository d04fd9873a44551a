"""The sources that are polled: of each its poller and its connection, kept across reloads as far as they still hold."""

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from exporter.blueking import Reason
from exporter.config import Settings, SourceSettings
from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.ledger import Ledger
from exporter.metrics import LABEL_SETS, OwnMetrics
from exporter.poller.label_sets import LabelSets
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answers, Workers
from exporter.service.connection import Connection
from exporter.watch import Watches, search_watches

_ENDPOINTS = ("get_event_log", "search_alert")


@dataclass(frozen=True, slots=True)
class Draft:
    """Settings that may come into force, and what was opened for them.

    By source: `connections` where there was none that serves it, `watches` where what it watches may have changed.
    """

    settings: Settings
    connections: Mapping[str, Connection]
    watches: Mapping[str, Watches]

    def discard(self) -> None:
        """End what was opened."""
        for connection in self.connections.values():
            connection.end()


class Sources:
    """The pollers and connections of the settings in force, none at first.

    Settings are exchanged in three steps: `draft` opens what they need and may take its time, in any thread but one at
    a time; `make_pollers` reads the ledger and may fail; `adopt` changes what is in force, and cannot fail.
    """

    def __init__(self, ledger: Ledger, own: OwnMetrics, answers: Answers, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._own = own
        self._answers = answers
        self._clock = clock
        self._settings: Settings | None = None
        self._connections: dict[str, Connection] = {}
        self._label_sets = LabelSets(ledger.label_sets(), None, partial(own.series_dropped, LABEL_SETS))
        self.pollers: dict[str, SourcePoller] = {}

    @property
    def workers(self) -> dict[str, Workers]:
        """The workers of each source."""
        return {name: connection.workers for name, connection in self._connections.items()}

    def draft(self, settings: Settings) -> Draft:
        """Return a draft of other settings; nothing that is in force changes."""
        with ExitStack() as opened:
            connections = {}
            for source in settings.sources:
                held = self._connections.get(source.name)
                if held is None or not held.serves(source):
                    connection = Connection(source, self._own, self._answers, self._clock)
                    connections[source.name] = connection
                    opened.callback(connection.end)
            watches = {
                source.name: Watches(source.name, source.watch, settings.label_names)
                for source in settings.sources
                if self._watches_otherwise(source, settings)
            }
            opened.pop_all()
        return Draft(settings, connections, watches)

    def make_pollers(self, draft: Draft) -> dict[str, SourcePoller]:
        """Return the pollers of the sources that are new. Raises `LedgerError`."""
        return {
            source.name: self._make_poller(source, draft)
            for source in draft.settings.sources
            if source.name not in self.pollers
        }

    def end_outdated(self, draft: Draft) -> None:
        """End the connections that a draft leaves out or replaces; what they were answered by now was handed over."""
        names = {source.name for source in draft.settings.sources}
        for name, connection in self._connections.items():
            if name in draft.connections or name not in names:
                connection.end()

    def adopt(self, draft: Draft, new: Mapping[str, SourcePoller]) -> None:
        """Put a draft into force; a source whose settings are the same keeps its poller as it is."""
        before, settings, now = self._settings, draft.settings, self._clock()
        self._label_sets.change_limit(settings.limits.label_sets)
        for name in self.pollers.keys() - {source.name for source in settings.sources}:
            self._own.remove_source(name)
        for source in settings.sources:
            self._own.add_source(source.name, Reason, _ENDPOINTS)
            if source.name not in new and before is not None and _is_polled_otherwise(source, before, settings):
                self._adopt_source(source, draft, now)
            if source.name not in new and source.name in draft.connections:
                self.pollers[source.name].reconnected(now)
        held = self._connections
        self._connections = {s.name: draft.connections.get(s.name) or held[s.name] for s in settings.sources}
        self.pollers = {s.name: new.get(s.name) or self.pollers[s.name] for s in settings.sources}
        self._settings = settings

    def end(self) -> None:
        """End every connection."""
        for connection in self._connections.values():
            connection.end()

    def _adopt_source(self, source: SourceSettings, draft: Draft, now: float) -> None:
        settings = draft.settings
        self.pollers[source.name].adopt(
            watches=draft.watches.get(source.name),
            searches=search_watches(source.name, source.watch, settings.labels),
            poll=settings.poll,
            targets=ack_targets(settings),
            limits=source.rate_limit,
            now=now,
        )

    def _make_poller(self, source: SourceSettings, draft: Draft) -> SourcePoller:
        settings = draft.settings
        return SourcePoller(
            source.name,
            watches=draft.watches[source.name],
            searches=search_watches(source.name, source.watch, settings.labels),
            ledger=self._ledger,
            own=self._own,
            poll=settings.poll,
            targets=ack_targets(settings),
            label_sets=self._label_sets,
            limits=source.rate_limit,
            jitter=random.Random().random,  # noqa: S311 - spreads retries, guards no secret
            now=self._clock(),
        )

    def _watches_otherwise(self, source: SourceSettings, settings: Settings) -> bool:
        before = self._settings
        held = None if before is None else _named(source.name, before.sources)
        if before is None or held is None:
            return True
        return held.watch != source.watch or before.label_names != settings.label_names


def ack_targets(settings: Settings) -> AckTargets:
    """Return the ack targets of a config."""
    return AckTargets(AckTarget(target.match, target.within, target.objective) for target in settings.ack_targets)


def _is_polled_otherwise(source: SourceSettings, before: Settings, after: Settings) -> bool:
    held = _named(source.name, before.sources)
    of_all = [(settings.poll, settings.labels, settings.ack_targets) for settings in (before, after)]
    return held is None or of_all[0] != of_all[1] or (held.watch, held.rate_limit) != (source.watch, source.rate_limit)


def _named(name: str, sources: Iterable[SourceSettings]) -> SourceSettings | None:
    return next((source for source in sources if source.name == name), None)
