"""The ledger beside the log as it is now: what differs, and what becomes of that."""

from collections import Counter
from collections.abc import Iterator, Mapping

from exporter.explain.adding import added, sums
from exporter.explain.model import Comparison, CountCompared, TimeCompared
from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Count, Observations, Total
from exporter.flow.records import Log
from exporter.ledger import Bounds

ROLLING = frozenset({"CONVERGE", "EVENT_DROP"})
"""Operates whose rows are a view that slides while the server merges them (api.md)."""

_RESTS = "the alert rests: its log is read no more"


def compare(
    known: KnownAlert, log: Log, fresh: KnownAlert, *, bounds: Bounds, policy: Policy, now: float
) -> Comparison:
    """Return what the ledger knows beside what a first read would know now (`fresh`), and what the next read adds."""
    read, pending = advance(known, log, now=now, policy=policy)
    if known.rested_at is not None:
        pending = ()
    counts = (*_counts(known, fresh, pending), *_rejects(known, fresh))
    times = tuple(_times(known, fresh))
    return Comparison(counts, times, _deadline_why(known, fresh, read), added(sums(pending), bounds))


def _counts(known: KnownAlert, fresh: KnownAlert, pending: Observations) -> Iterator[CountCompared]:
    adds: Counter[str] = Counter()
    for told in pending:
        if isinstance(told, Count) and told.total is Total.RECORDS:
            adds[dict(told.labels)["operate"]] += told.amount
    for operate in sorted(known.counted.keys() | fresh.counted.keys()):
        counted, shown = known.counted.get(operate, 0), fresh.counted.get(operate, 0)
        why = ""
        if shown < counted and operate in ROLLING:
            why = "the server merges such rows: nothing is taken back"
        elif shown < counted:
            why = "the source shows fewer than before: nothing is taken back"
        elif shown > counted:
            why = _RESTS if known.rested_at is not None else _next_read(shown - counted, adds[operate])
        yield CountCompared(operate, counted, shown, why)


def _next_read(more: int, counts: int) -> str:
    noted = f"notes {more - counts} from before what counts" if more > counts else ""
    return "the next read " + " and ".join(filter(None, (f"adds {counts}" if counts else "", noted)))


def _rejects(known: KnownAlert, fresh: KnownAlert) -> Iterator[CountCompared]:
    for reason in sorted(known.rejected.keys() | fresh.rejected.keys()):
        counted, shown = known.rejected.get(reason, 0), fresh.rejected.get(reason, 0)
        why = ""
        if shown > counted:
            why = _RESTS if known.rested_at is not None else _next_read(shown - counted, shown - counted)
        elif shown < counted:
            why = "the source shows fewer than before: nothing is taken back"
        yield CountCompared(f"unreadable ({reason})", counted, shown, why)


def _times(known: KnownAlert, fresh: KnownAlert) -> Iterator[TimeCompared]:
    observed: Mapping[str, bool] = {
        "first ACK": known.ack.observed,
        "first action": known.first_action.observed,
        "end": known.end.observed,
    }
    found = (
        ("created", known.created_at, fresh.created_at),
        ("first ACK", known.ack.at, fresh.ack.at),
        ("first action", known.first_action.at, fresh.first_action.at),
        ("end", known.end.at, fresh.end.at),
    )
    for name, ledger, log in found:
        if ledger is not None or log is not None:
            yield TimeCompared(name, ledger, log, _time_why(known, ledger, log, observed.get(name, False)))


def _time_why(known: KnownAlert, ledger: float | None, log: float | None, is_observed: bool) -> str:
    if ledger == log:
        return ""
    if log is None:
        return "the log does not show it (any more): what the ledger knows stays"
    if known.rested_at is not None:
        return _RESTS
    if is_observed:
        return "what was told of it stays as it was told"
    return "the next read takes the log's"


def _deadline_why(known: KnownAlert, fresh: KnownAlert, read: KnownAlert) -> str:
    """Return why the ledger has another result of the ack deadline than a first read would come to now."""
    if known.deadline_result == fresh.deadline_result:
        return ""
    fresh_result = fresh.deadline_result or "open"
    if known.deadline_result is not None:
        return f"{known.deadline_result} in the ledger, {fresh_result} by the log: a result is told once and stays"
    if known.rested_at is not None:
        return f"open in the ledger, {fresh_result} by the log: {_RESTS}"
    if read.deadline_result is None:
        return f"open in the ledger, {fresh_result} by the log: an ACK record that a search told of is waited for"
    return f"open in the ledger: the next read makes it {read.deadline_result}"
