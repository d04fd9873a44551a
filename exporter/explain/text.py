"""An explanation as text for a terminal: aligned, without colours, within 100 columns where that goes."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import isfinite
from textwrap import wrap

from exporter.config import format_duration
from exporter.explain.model import (
    Added,
    Comparison,
    Deadline,
    Explanation,
    MilestoneTold,
    Standing,
    State,
    Step,
    StepKind,
    Told,
)
from exporter.explain.times import Zones
from exporter.flow.deadlines import DeadlineResult
from exporter.flow.labels import Labels
from exporter.flow.observations import Total
from exporter.metrics import family_of

_PREFIX = "bkmonitor_flow_"
_FULL = "%Y-%m-%d %H:%M:%S"
_NAME_WIDTH = 14
_WIDTH = 100
_NARROWEST = 40
_OF_ROW = ("operate", "status")
_DEADLINES = f"{family_of(Total.ACK_DEADLINES).name}_total"


def as_text(told: Explanation, zones: Zones) -> Iterator[str]:
    """Yield the lines of the explanation. Foreign text has lost what would steer a terminal."""
    yield f"alert {_plain(told.alert_id)} of {told.source}"
    yield from _pairs(_head(told, zones))
    if told.known is not None:
        yield from ("", "ledger")
        yield from _pairs(_ledger(told, zones))
    if told.steps is not None:
        yield from ("", "flow")
        yield from _flow(told, told.steps, zones)
    if told.comparison is not None:
        yield from ("", "ledger beside log")
        yield from _compared(told, told.comparison, zones)
    if told.notes:
        yield ""
        yield from (f"note: {note}" for note in told.notes)


def _plain(foreign: str) -> str:
    """Return a text in which every sign that does not print stands as its escape, such as `\\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in foreign)


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (f"  {name:<{_NAME_WIDTH}}{value}" for name, value in pairs)


def _head(told: Explanation, zones: Zones) -> Iterator[tuple[str, str]]:
    standing = told.standing
    yield "labels", _labels(told.labels)
    if told.fields.get("alert_name"):
        yield "name", _plain(told.fields["alert_name"])
    yield "state", _state(standing, zones)
    if standing.creation.at is None:
        yield "created", "not known: no CREATE record, no search and no id tells it"
    else:
        yield "created", f"{_time(standing.creation.at, zones)}, by {_with_article(standing.creation.by)}"
    counts = f"from {_time(told.counts_from, zones)} on" if isfinite(told.counts_from) else "the whole history"
    yield "counts", counts
    yield "ack target", _deadline(standing.deadline, zones)
    yield "ledger", _plain(told.ledger)
    yield "log", _plain(told.log)
    yield "times", f"local {_offset(told.now, zones)}, server {zones.server}"


def _with_article(origin: str | None) -> str:
    return {"search": "a search", "id": "its id"}.get(origin or "", f"its {origin}")


def _offset(now: float, zones: Zones) -> str:
    here = zones.locally(now)
    return f"{here.tzname()} (UTC{here:%z})"


def _state(standing: Standing, zones: Zones) -> str:
    words = {
        State.UNREAD: "not read yet",
        State.OPEN: "open",
        State.SETTLING: f"{standing.outcome}, settling until {_time(standing.since, zones)}",
        State.RESTING: f"{standing.outcome}, resting since {_time(standing.since, zones)}",
        State.EXPIRED: f"expired, resting since {_time(standing.since, zones)}",
    }[standing.state]
    acked = ", acknowledged" if standing.is_acked else ", nobody acknowledged it"
    return words + ("" if standing.state is State.UNREAD else acked) + (", shielded" if standing.is_shielded else "")


def _deadline(deadline: Deadline | None, zones: Zones) -> str:
    if deadline is None:
        return "none"
    target = format_duration(deadline.target)
    if deadline.due_at is None:
        return f"{target}: due when the creation is known"
    due = f"{target}: due {_time(deadline.due_at, zones)}"
    if deadline.result is None:
        return f"{due}, open"
    words = {
        DeadlineResult.SHIELDED: "not counted: the alert is shielded",
        DeadlineResult.HISTORY: "not counted: over before what counts",
    }.get(deadline.result, deadline.result)
    return f"{due}, {words}" + ("" if deadline.at is None else f" {_time(deadline.at, zones)}")


def _ledger(told: Explanation, zones: Zones) -> Iterator[tuple[str, str]]:
    known = told.known
    if known is None:
        return
    yield "first seen", _time(known.first_seen_at, zones)
    yield "last read", _time(known.read_at, zones)
    yield "rows so far", ", ".join(f"{name} {rows}" for name, rows in sorted(known.counted.items())) or "none"
    if known.rejected:
        yield "unreadable", ", ".join(f"{reason} {rows}" for reason, rows in sorted(known.rejected.items()))
    for milestone in told.milestones:
        yield milestone.name, _milestone(milestone, zones)
    if known.anomaly_count is not None:
        yield "anomaly_count", str(known.anomaly_count)


def _milestone(milestone: MilestoneTold, zones: Zones) -> str:
    at = _time(milestone.at, zones)
    if milestone.told is Told.HISTORY:
        return f"{at}, before what counts: noted, not counted"
    if milestone.told is Told.PENDING:
        return f"{at}, not told yet"
    if milestone.seconds is None or milestone.le is None:
        return f"{at}, told without a latency"
    return f"{at}, {_short(milestone.metric)} {_observed(milestone.seconds, milestone.le)}"


def _flow(told: Explanation, steps: Sequence[Step], zones: Zones) -> Iterator[str]:
    if not steps:
        yield "  the log has no records"
        return
    times = [step.at for step in steps if step.at is not None]
    here, there = zones.columns(times)
    if times and not here.startswith("%Y"):
        yield f"  in {zones.locally(times[0]):%Y}; the adds leave out {_PREFIX} and the labels of the alert and its row"
    rows = [_row(told, step, zones, here, there) for step in steps]
    table = [("local", "server", "operate", "status", ["adds"]), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for *cells, adds in table:
        left = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        first, *more = [line for words in adds for line in _wrapped(words, _WIDTH - len(left) - 4)] or [""]
        yield f"  {left}  {first}".rstrip()
        yield from (f"  {'':<{len(left)}}  {line}" for line in more)


def _wrapped(words: str, width: int) -> list[str]:
    """Wrap a reason; what is added stays in one line, to be searched for."""
    return wrap(words, max(width, _NARROWEST), subsequent_indent=" ") if words.startswith("(") else [words]


def _row(told: Explanation, step: Step, zones: Zones, here: str, there: str) -> tuple[str, str, str, str, list[str]]:
    local = "" if step.at is None else zones.locally(step.at).strftime(here)
    server = "" if step.at is None else zones.at_server(step.at).strftime(there)
    lines = [_adds(added, told, _OF_ROW) for added in step.adds] + [f"({why})" for why in step.why]
    if step.record is None:
        is_now = step.kind is StepKind.LAST_READ and step.at == told.now
        return local, server, "now" if is_now else step.kind, "", lines
    return local, server, step.record.operate, step.record.status, lines


def _adds(added: Added, told: Explanation, left_out: Collection[str] = ()) -> str:
    rest = tuple(pair for pair in added.labels if pair not in told.labels and pair[0] not in left_out)
    name = f"{_short(added.metric)}{_labels(rest)}"
    if added.seconds is None or added.le is None:
        deadline = told.standing.deadline if added.metric == _DEADLINES else None
        return f"{name} {added.amount:+d}" + (f" (target {format_duration(deadline.target)})" if deadline else "")
    times = "" if added.amount == 1 else f"{added.amount:+d} of "
    return f"{name} {times}{_observed(added.seconds, added.le)}"


def _observed(seconds: float, le: str) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + f' s -> le="{le}"'


def _compared(told: Explanation, comparison: Comparison, zones: Zones) -> Iterator[str]:
    if comparison.agrees:
        yield "  they agree: a read now would add nothing"
        return
    for count in comparison.counts:
        if count.why:
            yield f"  {count.name}: shown {count.shown}, counted {count.counted}: {count.why}"
    for time in comparison.times:
        if time.why:
            ledger, log = _time(time.ledger, zones), _time(time.log, zones)
            yield f"  {time.name}: ledger {ledger}, log {log}: {time.why}"
    if comparison.deadline_why:
        yield f"  ack deadline: {comparison.deadline_why}"
    if comparison.next_read:
        yield "  a read now would add"
        for added in comparison.next_read:
            yield f"    {_adds(added, told)}"


def _time(at: float | None, zones: Zones) -> str:
    return "never" if at is None else zones.locally(at).strftime(_FULL)


def _short(metric: str) -> str:
    return metric.removeprefix(_PREFIX)


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return _plain(value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
