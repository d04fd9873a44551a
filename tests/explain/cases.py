"""Alerts to explain, written short: a log made by hand, read at some time, with or without a ledger."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

from exporter.explain import Case, Explanation, Zones, explain
from exporter.explain.model import Added, Step, StepKind
from exporter.flow.advance import advance
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.flow.records import FlowRecord, Log
from tests.flow.reading import BORN, POLICY, UNSEEN, log

BUCKETS = (30.0, 60.0, 300.0, 600.0, 3600.0)
BOUNDS = {Total.TIME_TO_ACK: BUCKETS, Total.TIME_TO_FIRST_ACTION: BUCKETS, Total.TIME_TO_END: BUCKETS}
ZONES = Zones(ZoneInfo("Asia/Shanghai"), UTC)
TARGET = replace(UNSEEN, ack_target=600.0)
Rows = Iterable[tuple[str, float] | FlowRecord]


def make_case(
    rows: Rows | None,
    *,
    at: float,
    known: KnownAlert | None = None,
    first_sight: KnownAlert = TARGET,
    rejected: Mapping[str, int] | None = None,
) -> Case:
    """Return the case of a log of these rows, oldest first, read `at` seconds after birth; None for no log."""
    shown = None if rows is None else Log(log(*rows).records, rejected or {})
    return Case(known, shown, first_sight, BOUNDS, POLICY, BORN + at, "flow.db", "read now")


def explained(rows: Rows | None, *, at: float, known: KnownAlert | None = None, **more: object) -> Explanation:
    """Return the explanation of such a case."""
    return explain(make_case(rows, at=at, known=known, **more))  # type: ignore[arg-type] # options by name


def known_after(rows: Rows, *, at: float, first_sight: KnownAlert = TARGET) -> KnownAlert:
    """Return what the ledger knows after one read of these rows, `at` seconds after birth."""
    known, _ = advance(first_sight, log(*rows), now=BORN + at, policy=POLICY)
    return known


def steps_of(told: Explanation) -> list[Step]:
    """Return the steps of a flow that was read."""
    assert told.steps is not None
    return list(told.steps)


def short(added: Added) -> str:
    """Return what is added in a word: the metric without what all have, the labels that matter, and how much."""
    labels = dict(added.labels)
    told = f"{added.amount:+d}" if added.seconds is None else f"{added.seconds:g} s in {added.le}"
    name = added.metric.removeprefix("bkmonitor_flow_")
    return " ".join([name, *(labels[own] for own in ("result", "outcome", "acked", "reason") if own in labels), told])


def flow(told: Explanation) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Return each step as (operate or kind, what it adds beside its own count, why)."""
    return [
        (
            step.record.operate if step.record is not None else step.kind.value,
            tuple(short(added) for added in step.adds if added.metric != "bkmonitor_flow_records_total"),
            step.why,
        )
        for step in steps_of(told)
    ]


def why(told: Explanation, operate: str) -> list[tuple[str, ...]]:
    """Return the reasons of each record of an operate."""
    return [reasons for name, _, reasons in flow(told) if name == operate]


def counted(told: Explanation) -> dict[str, int]:
    """Return how many records count, by operate."""
    found: Counter[str] = Counter()
    for step in steps_of(told):
        for added in step.adds:
            if added.metric == "bkmonitor_flow_records_total" and step.kind is StepKind.RECORD:
                found[dict(added.labels)["operate"]] += added.amount
    return dict(found)
