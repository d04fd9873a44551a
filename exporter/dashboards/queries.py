"""PromQL for dashboards: the selection that every query shares, counts of sparse events, and what targets ask for."""

from collections.abc import Iterable, Sequence

from exporter.rules.promql import indented, number
from exporter.rules.targets import Target

RANGE = "$__range"
DEADLINES = "bkmonitor_flow_ack_deadlines_total"
_SINCE = "bkmonitor_flow_unacked_since_timestamp_seconds"
_ALERT = "source, alert_id"


def matchers(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the matchers by which the variables of a dashboard select; one for each label of that name."""
    return tuple(f'{name}=~"${name}"' for name in ("job", "instance", "source", *labels))


def counted(series: str, span: str = RANGE) -> str:
    """Return how often each counter of `series` ticked within `span`, as the whole number that it is.

    Prometheus extrapolates to the ends of the span; of the few events that a series has, that makes no other number.
    """
    return f"round(increase({series}[{span}]))"


def budget_left(target: Target, shared: Sequence[str]) -> str:
    """Return the part of a target's objective budget that is left over the range shown; nothing without a deadline."""
    missed, judged = (
        f"sum(\n{indented(target.select(DEADLINES, *shared, result, of=counted))}\n)"
        for result in ('result="missed"', 'result=~"met|missed"')
    )
    if target.objective == 1:
        return f"1 - (({missed} or vector(0)) > bool 0)\nand\n{judged} > 0"
    return f"1 - ({missed} or vector(0)) / {judged} / {number(1 - target.objective)} > -Inf"


def past_target(targets: Sequence[Target], shared: Sequence[str]) -> str:
    """Return for how long, in seconds, each un-acked alert is past its target; below 0 what is left until then."""
    since = "\nor\n".join(f"{number(target.within)} + ({target.select(_SINCE, *shared)})" for target in targets)
    return f"time() - max by ({_ALERT}) (\n{indented(since)}\n)"
