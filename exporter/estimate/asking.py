"""Asking: one round of each search of a source, and the lists of its other watches. No log is asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from exporter.blueking import BlueKing, BlueKingError, Reason
from exporter.config import LabelSettings, SourceSettings
from exporter.flow.labels import Labels
from exporter.flow.sightings import Sighting
from exporter.watch import SearchWatch, Watches, search_watches
from exporter.watch.search import SearchRound

_OF_THE_SOURCE = frozenset({Reason.NOT_ALLOWED, Reason.TOO_FAST, Reason.UNREACHABLE, Reason.TIMEOUT})
"""Trouble that the next search of the same source would meet as well: it is spared."""


@dataclass(frozen=True, slots=True)
class SeenAlert:
    """An alert that a watch selects, with the labels of its series; `sighting` is None where only a list names it."""

    labels: Labels
    sighting: Sighting | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is open, as far as anybody told: what only a list names counts as open."""
        return self.sighting is None or self.sighting.outcome is None

    @property
    def is_acked(self) -> bool:
        """Whether a search told of its acknowledgement."""
        return self.sighting is not None and self.sighting.is_acked

    @property
    def is_shielded(self) -> bool:
        """Whether a search told of its shield."""
        return self.sighting is not None and self.sighting.is_shielded


@dataclass(frozen=True, slots=True)
class SeenSource:
    """What the watches of a source select now; `searches` of them asked.

    `troubles` tells, a line each, which searches could not be made, and holds no secret. `is_complete` is false where
    an answer did not tell of all alerts. `rejected` counts the unreadable rows by reason.
    """

    name: str
    alerts: tuple[SeenAlert, ...] = ()
    searches: int = 0
    troubles: tuple[str, ...] = ()
    is_complete: bool = True
    rejected: Counter[str] = field(default_factory=Counter)


def see_source(
    source: SourceSettings,
    fields: Iterable[LabelSettings],
    *,
    window: float,
    now: float,
    pause: Callable[[float], object],
) -> SeenSource:
    """Return what the watches of a source select.

    A search finds all that was open in the `window` seconds before `now` (unix seconds), as in the exporter's first
    cycle. The first watch that selects an alert gives it its labels; lists come before searches. Requests are made one
    after the other, no faster than the source's rate limit: `pause` waits for so many seconds. `labels` are the
    config's. Raises nothing that a source may cause.
    """
    chosen = tuple(fields)
    selection = Watches(source.name, source.watch, [label.field for label in chosen]).selection()
    seen = {alert_id: SeenAlert(selected.labels) for alert_id, selected in selection.items()}
    searches = search_watches(source.name, source.watch, chosen)
    rounds = [SearchRound(watch.search, now - window, now) for watch in searches]
    with closing(BlueKing(source, observe=lambda *_: None, now=lambda: now)) as client:
        troubles = tuple(_go_rounds(rounds, client, 1 / source.rate_limit.requests_per_second, pause))
    for watch, round_ in zip(searches, rounds, strict=True):
        _add(seen, watch, round_)
    return SeenSource(
        source.name,
        tuple(seen.values()),
        searches=len(searches),
        troubles=troubles,
        is_complete=all(round_.is_complete for round_ in rounds),
        rejected=sum((round_.rejected for round_ in rounds), Counter()),
    )


def _go_rounds(
    rounds: Iterable[SearchRound], client: BlueKing, interval: float, pause: Callable[[float], object]
) -> Iterator[str]:
    """Go round after round; yield what went wrong, and spare the source what would go wrong as well."""
    to_go = list(rounds)
    while to_go:
        error = _go_round(to_go.pop(0), client, interval, pause)
        if error is None:
            continue
        yield str(error)
        if to_go and error.reason in _OF_THE_SOURCE:
            yield f"{len(to_go)} more search(es) were not made"
            return


def _go_round(
    round_: SearchRound, client: BlueKing, interval: float, pause: Callable[[float], object]
) -> BlueKingError | None:
    """Ask page by page; return what ended the round early."""
    while round_.query is not None:
        try:
            round_.take(client.search_alert(round_.query))
        except BlueKingError as error:
            return error
        pause(interval)
    return None


def _add(seen: dict[str, SeenAlert], watch: SearchWatch, round_: SearchRound) -> None:
    for sighting in round_.sightings:
        known = seen.get(sighting.alert_id)
        seen[sighting.alert_id] = (
            SeenAlert(watch.labels(sighting), sighting) if known is None else replace(known, sighting=sighting)
        )
