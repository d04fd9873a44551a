"""Replay: an alert's log, as told today, read again as `serve` would have read it while it grew. Pure."""

from bisect import bisect_left
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from exporter.backfill.grid import Grid
from exporter.flow.advance import Policy, advance
from exporter.flow.ending import ENDS
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Count, Observations, Total
from exporter.flow.records import Log, Operate
from exporter.flow.sightings import Sighting

_ACKS = (Operate.ACK,)


@dataclass(frozen=True, slots=True)
class Story:
    """What became of an alert in a range.

    `told` holds what each read adds to the totals, by the point of the grid that it was made at; what lies before the
    range is left out, but for the births of series. `known` is what is known at the range's end. It was open from
    `opened_at`, None where nothing tells a beginning, to `closed_at`, None where it still was at the range's end.
    `is_ack_undated`: somebody acknowledged it, and no record tells when; `is_end_undated`: it ended, and nothing tells
    when. In both cases what depends on that moment is not told.
    """

    told: tuple[tuple[int, Observations], ...]
    known: KnownAlert
    opened_at: float | None
    closed_at: float | None
    is_ack_undated: bool
    is_end_undated: bool


def replay(known: KnownAlert, log: Log, *, grid: Grid, read_at: float, max_age: float) -> Story:
    """Return the story of an alert of which nothing but labels, target and sighting is known, from its whole log.

    `advance` reads the log at each point of the grid by which something happened, as it stood then, so that everything
    is told at the first point after it happened: an end at its end, a missed deadline at the deadline. `settle` is 0,
    because no record is late any more. `read_at` (unix seconds) is when the log was answered. Unreadable rows have no
    time and are told nowhere.
    """
    current, end = _unread(known, log, read_at)
    lifetime = max_age if known.sighting is None else float("inf")  # what a search tells of is open as long as it says
    told = []
    for point in _points(current, log, end, grid, lifetime):
        now = grid.time(point)
        if end is not None and end <= now:
            current = replace(current, sighting=_ended(current.sighting, known.sighting))
        current, observations = advance(current, _as_of(log, now), now=now, policy=Policy(0, lifetime))
        told.append((point, observations if point else _births(observations)))
    is_ack_undated, is_end_undated = _undated(known.sighting, log)
    times = [record.created_at for record in log.records]
    opened_at = min(times, default=None) if current.created_at is None else current.created_at
    closed_at = max(times, default=opened_at) if is_end_undated else current.end.at
    return Story(tuple(told), current, opened_at, closed_at, is_ack_undated, is_end_undated)


def _unread(known: KnownAlert, log: Log, read_at: float) -> tuple[KnownAlert, float | None]:
    """Return the alert before its first read, and when it ended where only the search knows that.

    What a search tells now is taken back to what it would have told while the alert was open. An acknowledgement
    without a record stays, from the beginning: nobody knows better.
    """
    whole, _ = advance(known, log, now=read_at, policy=Policy(0, float("inf")))
    is_ack_undated, is_end_undated = _undated(known.sighting, log)
    is_result_unsure = is_ack_undated or (is_end_undated and whole.ack.at is None)
    seen = known.sighting
    while_open = None if seen is None else replace(seen, outcome=None, ended_at=None, is_acked=is_ack_undated)
    unread = replace(
        known,
        created_at=whole.created_at,
        ack_target=None if is_result_unsure else known.ack_target,
        sighting=while_open,
        ack_sighted_at=None,
    )
    return unread, None if seen is None or _has(log, ENDS) else seen.ended_at


def _undated(seen: Sighting | None, log: Log) -> tuple[bool, bool]:
    if seen is None:
        return False, False
    is_ended = seen.outcome is not None and not _has(log, ENDS)
    return seen.is_acked and not _has(log, _ACKS), is_ended and seen.ended_at is None


def _has(log: Log, operates: Container[str]) -> bool:
    return any(record.operate in operates for record in log.records)


def _ended(while_open: Sighting | None, seen: Sighting | None) -> Sighting | None:
    if while_open is None or seen is None:
        return while_open
    return replace(while_open, outcome=seen.outcome, ended_at=seen.ended_at)


def _as_of(log: Log, now: float) -> Log:
    first = bisect_left(log.records, -now, key=lambda record: -record.created_at)
    return Log(log.records[first:])


def _points(known: KnownAlert, log: Log, end: float | None, grid: Grid, max_age: float) -> Iterator[int]:
    """Yield the points by which something happened; at the first one the series of an alert are born."""
    began_at = known.first_seen_at if known.created_at is None else known.created_at
    moments = [*(record.created_at for record in log.records), began_at, began_at + max_age]
    moments += [at for at in (end, known.open_deadline) if at is not None]
    yield from sorted({point for at in moments if (point := grid.index(at)) < len(grid)})


def _births(observations: Observations) -> Observations:
    """Return the series that these observations would begin; their amounts lie before the range."""
    return tuple(replace(o, amount=0) for o in observations if isinstance(o, Count) and o.total is Total.ACK_DEADLINES)
