"""The replay: reads a log again and again, each time a little longer, to tell what each of its records adds.

Every number comes from `advance`: what a step adds is what a first read adds that shows the log up to there, less what
a first read adds that shows one step less. So the steps together are what one read of the whole log adds, which is what
any number of reads of it add (the exporter's own promise).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from exporter.explain.adding import Sums, sums
from exporter.explain.model import StepKind
from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.labels import extend
from exporter.flow.observations import Total
from exporter.flow.records import FlowRecord, Log, Operate

# Within a second: a creation before all that is timed from it, an acknowledgement before the end it may decide, and of
# two ends the one that counts first.
_RANKS: Mapping[str, int] = {
    Operate.CREATE: 0,
    Operate.ACK: 1,
    Operate.CLOSE: 3,
    Operate.RECOVER: 4,
    Operate.SYSTEM_CLOSE: 5,
    Operate.SYSTEM_RECOVER: 6,
}
_RANK_OF_OTHERS = 2


@dataclass(frozen=True, slots=True)
class Event:
    """A moment of the replay, and its record where there is one.

    `at` is when it was, as records tell time, and `now` what a right clock showed then, both in unix seconds: they
    differ where the configured time zone is not the server's.
    """

    kind: StepKind
    at: float
    now: float
    record: FlowRecord | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The events in the order of their times, each with what it adds, and what is known after the last one."""

    events: tuple[tuple[Event, Sums], ...]
    after: KnownAlert


def unseen(known: KnownAlert) -> KnownAlert:
    """Return what was known of an alert before its log was ever read; what searches told stays."""
    seen = known.sighting
    if seen is not None and seen.outcome is not None and seen.ended_at is None:
        seen = replace(seen, ended_at=known.end.at)  # else each read would end it anew
    return KnownAlert(
        known.source,
        known.alert_id,
        known.labels,
        known.first_seen_at,
        known.counts_from,
        watch=known.watch,
        sighting=seen,
        ack_sighted_at=known.ack_sighted_at,
        quiet_reads=known.quiet_reads,
        ack_target=known.ack_target,
    )


def replay(first_sight: KnownAlert, log: Log, *, now: float, policy: Policy) -> Replayed:
    """Return what each record of `log` adds for an alert of which no record was read, up to `now` (unix seconds)."""
    after, _ = advance(first_sight, log, now=now, policy=policy)
    events = sorted(_events(log, after, now, policy.settle), key=lambda event: _order(event, after.created_at))
    adds = _Reads(first_sight, log, events, now, policy).added()
    told = list(zip(events, _without_second_thoughts([adds[index] for index in range(len(events))]), strict=True))
    return Replayed(tuple(sorted(told, key=lambda step: (step[0].kind is StepKind.LAST_READ, step[0].at))), after)


def _events(log: Log, after: KnownAlert, now: float, settle: float) -> Iterator[Event]:
    error = 0.0 if after.created_at is None else after.zone_error(after.created_at)
    for record in reversed(log.records):
        yield Event(StepKind.RECORD, record.created_at, record.created_at - error, record)
    if log.rejected:
        yield Event(StepKind.UNREADABLE, now, now)
    if after.created_at is not None and after.ack_target is not None:
        due_at = after.created_at + after.ack_target + settle
        if due_at - error < now:
            yield Event(StepKind.DEADLINE, due_at, due_at - error)
    if after.settles_at is not None and after.settles_at < now:
        yield Event(StepKind.END, after.settles_at, after.settles_at)  # compared with the clock as it is
    yield Event(StepKind.LAST_READ, now, now)


def _order(event: Event, created_at: float | None) -> tuple[bool, float, int]:
    # A read shows the creation whenever it shows anything, whatever its time claims. Moments follow their records.
    record = event.record
    if record is None:
        return True, event.at, len(_RANKS) + (event.kind is StepKind.LAST_READ)
    is_creation = record.operate == Operate.CREATE and record.created_at == created_at
    return not is_creation, event.at, _RANKS.get(record.operate, _RANK_OF_OTHERS)


class _Reads:
    """First reads of the log up to each event."""

    def __init__(self, first_sight: KnownAlert, log: Log, events: list[Event], now: float, policy: Policy) -> None:
        self._first_sight = first_sight
        self._rejected = log.rejected
        self._events = events
        self._clock = [min(at, now) for at in accumulate((event.now for event in events), max)]
        self._policy = policy

    def added(self) -> dict[int, Sums]:
        """Return what each event adds, by its place."""
        return dict(self._between(0, len(self._events), Counter(), self._read(len(self._events))))

    def _between(self, low: int, high: int, before: Sums, after: Sums) -> Iterator[tuple[int, Sums]]:
        """Yield what each event from `low` to `high` adds; `before` and `after` are what reads up to there add.

        A stretch that only counts its records, or adds nothing, is not looked into: logs may have many thousand rows.
        """
        told = _difference(after, before)
        if high - low == 1:
            yield low, told
        elif not told or told == self._plain(range(low, high)):
            for index in range(low, high):
                yield index, self._plain([index]) if told else Counter()
        else:
            middle = (low + high) // 2
            between = self._read(middle)
            yield from self._between(low, middle, before, between)
            yield from self._between(middle, high, between, after)

    def _read(self, length: int) -> Sums:
        shown = self._events[:length]
        now = self._clock[length - 1]
        records = tuple(event.record for event in reversed(shown) if event.record is not None)
        has_unreadable = any(event.kind is StepKind.UNREADABLE for event in shown)
        is_last = length == len(self._events)
        # Its age ends an alert at a read of our own time, not while its records are told.
        policy = self._policy if is_last else replace(self._policy, max_age=float("inf"))
        known = _as_of(self._first_sight, now, is_last)
        _, observations = advance(known, Log(records, self._rejected if has_unreadable else {}), now=now, policy=policy)
        return sums(observations)

    def _plain(self, indexes: Iterable[int]) -> Sums:
        """Return what the records at these places add where each of them is counted, and no more."""
        records = (self._events[index].record for index in indexes)
        labels = self._first_sight.labels
        return Counter(
            (Total.RECORDS, extend(labels, operate=record.operate, status=record.status), None)
            for record in records
            if record is not None
        )


def _without_second_thoughts(adds: list[Sums]) -> list[Sums]:
    """Cancel what a later event takes back where it was added: only what stays is told, by what decided it.

    So it is where a search told of something that no record shows, or not as the records do.
    """
    for index, told in enumerate(adds):
        for key in [key for key, amount in told.items() if amount < 0]:
            for before in reversed(adds[:index]):
                cancelled = min(before[key], -told[key])
                before[key] -= cancelled
                told[key] += cancelled
    return [Counter({key: amount for key, amount in told.items() if amount}) for told in adds]


def _difference(after: Sums, before: Sums) -> Sums:
    difference = Counter(after)
    difference.subtract(before)
    return Counter({key: amount for key, amount in difference.items() if amount})


def _as_of(known: KnownAlert, at: float, is_last: bool) -> KnownAlert:
    """Return an alert as searches had told of it at `at`: an acknowledgement or an end not before its time."""
    seen = known.sighting
    if seen is None or is_last:
        return known
    is_acked = seen.is_acked and (known.ack_sighted_at is None or known.ack_sighted_at <= at)
    has_ended = seen.outcome is not None and seen.ended_at is not None and seen.ended_at <= at
    return replace(
        known,
        sighting=replace(
            seen,
            is_acked=is_acked,
            outcome=seen.outcome if has_ended else None,
            ended_at=seen.ended_at if has_ended else None,
        ),
        ack_sighted_at=known.ack_sighted_at if is_acked else None,
    )
