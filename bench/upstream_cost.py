"""How often the log is asked for: our schedule against asking about each open alert every 30 seconds.

In simulated time over a simulated BlueKing, without HTTP: the same lives for both, for ours the real poller and ledger.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from statistics import mean, median
from zoneinfo import ZoneInfo

from bench.timing import Comparison, Quantity
from exporter.blueking import Page, read_log, read_page
from exporter.config import HistogramSettings, LabelSettings, PollSettings, RateLimitSettings, SearchSettings
from exporter.flow.deadlines import NO_TARGETS, AckTarget, AckTargets
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.records import Log
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import OwnMetrics
from exporter.poller.source import SourcePoller
from exporter.poller.workers import Answer, Question
from exporter.service import bounds
from exporter.simulator import Life, SimulatorSettings, World
from exporter.simulator.plot import lives
from exporter.watch import SearchWatch, Watches

_ALERTS = 2_000
_EPOCH = 1_767_225_600.0
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_PLAIN_INTERVAL = 30
_QUIET = 100
_OURS = f"ours / each open alert every {_PLAIN_INTERVAL} s"
_HOUR = 3600.0
_POLL = PollSettings()
_FIELDS = (LabelSettings(field="severity"),)
_TARGETS = AckTargets([AckTarget({"severity": "fatal"}, 300.0, 0.99), AckTarget({}, 1800.0, 0.95)])
# Real lives end: those of the simulator that never do would only flatter the ratio.
_SETTINGS = SimulatorSettings(dialect="today", epoch=_EPOCH, history=0, alerts_per_hour=120)


@dataclass(slots=True)
class Tally:
    """Calls of get_event_log by reason, and the seconds from each ACK to its observation."""

    calls: Counter[str] = field(default_factory=Counter)
    searches: int = 0
    delays: list[float] = field(default_factory=list)


def run() -> Iterator[Comparison]:
    """Yield the comparisons."""
    chosen = list(islice((life for life in lives(_SETTINGS) if life.ended_at is not None), _ALERTS))
    plain, ours = _plain(chosen), _ours(chosen)
    yield _calls(f"reads of {_ALERTS:,} alerts' logs", ours, plain, f"{_described(chosen)} {_reasons(ours)}")
    due = _ours(chosen, _TARGETS)
    yield _calls("the same with ack targets of 5 and 30 min", due, plain, _reasons(due))
    mine, others = (Quantity(mean(tally.delays), "s") for tally in (ours, plain))
    yield Comparison(f"mean time until an ACK is seen: {_OURS}", mine, others)
    quiet, always = Quantity(_quiet_hour(), "reads"), Quantity(_QUIET * _HOUR / _PLAIN_INTERVAL, "reads")
    yield Comparison(f"reads in an hour in which nothing changes, {_QUIET} open alerts: {_OURS}", quiet, always)


def _calls(what: str, ours: Tally, plain: Tally, note: str) -> Comparison:
    mine, others = (Quantity(sum(tally.calls.values()), "reads") for tally in (ours, plain))
    return Comparison(f"{what}: {_OURS}", mine, others, notes=(note,))


def _described(chosen: list[Life]) -> str:
    open_for = median((life.ended_at or 0) - life.alert.created_at for life in chosen)
    never = sum(life.acked_at is None for life in chosen) / len(chosen)
    return f"In simulated time; median {open_for / 60:.0f} min open, {never:.0%} never acknowledged."


def _reasons(ours: Tally) -> str:
    reasons = ", ".join(f"{reason} {calls:,}" for reason, calls in ours.calls.most_common())
    return f"Ours by reason: {reasons}; beside them {ours.searches:,} searches."


def _plain(chosen: list[Life]) -> Tally:
    tally = Tally()
    for number, life in enumerate(chosen):
        phase = number % _PLAIN_INTERVAL
        start, end = life.alert.created_at, life.ended_at or 0
        tally.calls["poll"] += 1 + (end - start + phase) // _PLAIN_INTERVAL
        if life.acked_at is not None:
            tally.delays.append((start + phase - life.acked_at) % _PLAIN_INTERVAL)
    return tally


def _ours(chosen: list[Life], targets: AckTargets = NO_TARGETS) -> Tally:
    last_end = max(life.ended_at or 0 for life in chosen)
    return _simulate(World(_SETTINGS, chosen), _EPOCH, last_end + 60.0, targets=targets)


def _quiet_hour() -> int:
    settings = SimulatorSettings(dialect="today", epoch=_EPOCH, history=0, alerts_per_hour=0)
    quiet = [_silent(life) for life in islice(lives(_SETTINGS), _QUIET)]
    start = max(life.alert.created_at for life in quiet) + 6 * _HOUR
    return sum(_simulate(World(settings, quiet), start, start + 7 * _HOUR, count_from=start + 6 * _HOUR).calls.values())


def _silent(life: Life) -> Life:
    create = tuple(row for row in life.rows if row.operate == "CREATE")
    return Life(alert=life.alert, rows=create, quiet_at=life.alert.created_at)


def _simulate(
    world: World, start: float, until: float, *, count_from: float = 0.0, targets: AckTargets = NO_TARGETS
) -> Tally:
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/flow.db", bounds(HistogramSettings()))
        poller = _poller(ledger, start, targets)
        poller.select(start)
        now = start
        while now < until:
            while (question := poller.next_question(now)) is not None:
                _ask(poller, ledger, world, question, now, tally if now >= count_from else Tally())
            end = poller.ending_cycle(now)
            if end is not None:
                with ledger.transaction() as tx:
                    end.fill(tx)
                poller.cycle_ended(end)
            wakes_at = poller.wakes_at(now)
            now = max(now + 0.5, until if wakes_at is None else wakes_at)
        ledger.close()
    return tally


def _poller(ledger: Ledger, now: float, targets: AckTargets) -> SourcePoller:
    watch = SearchWatch("all", SearchSettings(bk_biz_ids=(-1,)), make_labels({"source": "sim"}), _FIELDS)
    return SourcePoller(
        "sim",
        watches=Watches("sim", (), ()),
        searches=(watch,),
        ledger=ledger,
        own=OwnMetrics("bench"),
        poll=_POLL,
        targets=targets,
        limits=RateLimitSettings(requests_per_second=10_000.0, burst=10_000, concurrency=256),
        jitter=lambda: 0.5,
        now=now,
    )


def _ask(poller: SourcePoller, ledger: Ledger, world: World, question: Question, now: float, tally: Tally) -> None:
    before = ledger.get("sim", question.key)
    answer = Answer("sim", question.key, now, _answer(world, question, now))
    poller.answered()
    with ledger.transaction() as tx:
        poller.take(answer, tx, now)
    poller.reschedule(answer, now)
    if before is None:
        tally.searches += 1
        return
    tally.calls[_reason(before, now)] += 1
    after = ledger.find("sim", [question.key])[question.key]
    if after.ack.at is not None and before.ack.at is None:
        tally.delays.append(now - after.ack.at)


def _answer(world: World, question: Question, now: float) -> Log | Page:
    if question.query is not None:
        return read_page({"result": True, "data": world.search(question.query.body(), now)})
    return read_log({"result": True, "data": world.log(question.key, now)}, _SHANGHAI)


def _reason(before: KnownAlert, now: float) -> str:
    seen = before.sighting
    if seen is not None and seen.outcome is not None:
        return "end"
    if before.read_at is None:
        return "first sight"
    if seen is not None and seen.is_acked and before.ack.at is None:
        return "ack"
    is_due = before.open_deadline is not None and now >= before.open_deadline + _POLL.settle
    return "deadline" if is_due else "refresh"
