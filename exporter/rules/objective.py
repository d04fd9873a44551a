"""The objective of each ack target: which part of the alerts may miss it, and how fast that part is used up."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.rules.freshness import Patience, held
from exporter.rules.increases import ACK_BUCKETS, ratio, without_reset
from exporter.rules.promql import call, number, one_replica, quoted, verbatim
from exporter.rules.rule import Alerting, Group, Recording, Severity
from exporter.rules.targets import Target

BURNING_FAST = "BKMonitorFlowAckObjectiveBurningFast"
BURNING_SLOW = "BKMonitorFlowAckObjectiveBurningSlow"
LATENCY = "BKMonitorFlowAckLatencyHigh"

WINDOWS = ("5m", "30m", "1h", "6h", "3d")
DEADLINES = "ack_target:bkmonitor_flow_ack_deadlines:increase{window}"
MISSED = "ack_target:bkmonitor_flow_ack_deadlines_missed:ratio_increase{window}"
OBJECTIVE = "ack_target:bkmonitor_flow_ack_objective:ratio"
BURN = "ack_target:bkmonitor_flow_ack_objective:burn_rate{window}"
LATENCY_P90 = "ack_target:bkmonitor_flow_time_to_ack_seconds:p90_1d"

_COUNTER = "bkmonitor_flow_ack_deadlines_total"
_LARGEST_RATIO = 0.9  # above it there is little to burn faster: a low objective could never be seen to burn
_ACKS_NEEDED = 10


@dataclass(frozen=True, slots=True)
class _Burn:
    """Burning `rate` times as fast as the objective allows, over the window `long`, with so many deadlines `needed`.

    The window `short` tells whether it is over; where nothing came due in it, the window `between` does.
    """

    rate: float
    long: str
    short: str
    between: str
    needed: int

    def limit(self, target: Target) -> float:
        """Return the part of the target's alerts that may miss it before it burns too fast."""
        allowed = 1 - target.objective
        return max(allowed, min(self.rate * allowed, _LARGEST_RATIO))


# The pairs of the SRE workbook. What lies between, and how many deadlines make a ratio, is ours, because alerts are
# rare events: the short window is mostly empty, and a single miss has an alert of its own.
_FAST = (_Burn(14.4, "1h", "5m", "30m", 5), _Burn(6, "6h", "30m", "1h", 5))
_SLOW = (_Burn(1, "3d", "6h", "3d", 10),)


def objectives(targets: Sequence[Target], patience: Patience) -> Group:
    """Return what is recorded and alerted on of the objectives."""
    return Group(
        "bkmonitor-flow-ack-objectives",
        (
            *(Recording(OBJECTIVE, f"vector({number(t.objective)})", {"ack_target": t.name}) for t in targets),
            *(rule for window in WINDOWS for rule in _recordings(targets, window)),
            *(_latency_recording(target) for target in targets),
            *(rule for target in targets for rule in _alerts(target, patience)),
        ),
        interval="1m",
    )


def _recordings(targets: Sequence[Target], window: str) -> list[Recording]:
    deadlines, missed = DEADLINES.format(window=window), MISSED.format(window=window)
    due = f'sum without (result) ({deadlines}{{result=~"met|missed"}})'
    allowed = f"(1 - {OBJECTIVE} > 0)"
    return [
        *(Recording(deadlines, _deadlines(target, window), {"ack_target": target.name}) for target in targets),
        Recording(missed, ratio(f'sum without (result) ({deadlines}{{result="missed"}})', due)),
        Recording(BURN.format(window=window), f"{missed}\n/ on (ack_target) group_left ()\n  {allowed}"),
    ]


def _deadlines(target: Target, window: str) -> str:
    increases = target.select(_COUNTER, of=lambda series: f"increase({series}[{window}])")
    return without_reset(call("sum by (job, source, result)", one_replica(increases)), _COUNTER, window)


def _latency_recording(target: Target) -> Recording:
    buckets = call("sum by (job, source, le)", target.select(ACK_BUCKETS.format(window="1d")))
    return Recording(LATENCY_P90, f"{call('histogram_quantile', '0.9', buckets)} >= 0", {"ack_target": target.name})


def _alerts(target: Target, patience: Patience) -> list[Alerting]:
    latency = _latency(target, patience)
    if target.objective >= 1:
        return [latency]  # nothing may be missed: there is nothing to burn, and each miss has its own alert
    severity: Severity = "warning" if target.match.get("severity") in ("warning", "remind") else "critical"
    return [
        _burning(BURNING_FAST, target, _FAST, severity, patience),
        _burning(BURNING_SLOW, target, _SLOW, "warning", patience),
        latency,
    ]


def _burning(alert: str, target: Target, burns: Sequence[_Burn], severity: Severity, patience: Patience) -> Alerting:
    conditions = "\nor\n".join(_is_burning(target, burn) for burn in burns)
    missed = " or ".join(f"more than {_percent(burn.limit(target))} (last {burn.long})" for burn in burns)
    return Alerting(
        alert,
        held(alert, _only_fresh(conditions, patience), f"(job, source) {patience.fresh}", ack_target=target.name),
        severity=severity,
        labels=_labels(target),
        summary=f"{_named(target)}: too few alerts are acknowledged within {target.time}",
        description=(
            f"On {{{{ $labels.source }}}}, of the alerts of {_named(target)} that came due, {missed}"
            f" were not acknowledged within {target.time}, and it goes on."
            f" The objective of {_percent(target.objective)} allows {_percent(1 - target.objective)}."
        ),
    )


def _is_burning(target: Target, burn: _Burn) -> str:
    """Return the condition: too many missed over the long window, enough came due to tell, and it is not over."""
    limit = number(burn.limit(target))
    mine = f"ack_target={quoted(target.name)}"
    missed = {window: f"{MISSED.format(window=window)}{{{mine}}}" for window in WINDOWS}
    return f"""\
  {missed[burn.long]} > {limit}
and on (job, source)
  sum by (job, source) ({DEADLINES.format(window=burn.long)}{{{mine},result=~"met|missed"}}) >= {burn.needed}
and (
    {missed[burn.short]} > {limit}
  or
    {missed[burn.between]} > {limit} unless {missed[burn.short]}
)"""


def _latency(target: Target, patience: Patience) -> Alerting:
    acks = target.select(ACK_BUCKETS.format(window="1d"), 'le="+Inf"')
    high = f"{LATENCY_P90}{{ack_target={quoted(target.name)}}} > {number(target.within)}"
    live = f"{high}\nand on (job, source)\n  {call('sum by (job, source)', acks)} >= {_ACKS_NEEDED}"
    return Alerting(
        LATENCY,
        held(LATENCY, _only_fresh(live, patience), f"(job, source) {patience.fresh}", ack_target=target.name),
        severity="warning",
        labels=_labels(target),
        summary=f"{_named(target)}: one acknowledgement in ten takes longer than {target.time}",
        description=(
            f"On {{{{ $labels.source }}}}, of the acknowledgements of alerts of {_named(target)} within the last day,"
            f" more than one in ten came later than the target of {target.time}."
        ),
        wait="10m",
    )


def _only_fresh(condition: str, patience: Patience) -> str:
    return f"(\n{condition}\n)\nand on (job, source)\n  {patience.fresh}"


def _labels(target: Target) -> dict[str, str]:
    return {name: verbatim(value) for name, value in {"ack_target": target.name, **target.labels}.items()}


def _percent(part: float) -> str:
    return f"{number(100 * part)}%"


def _named(target: Target) -> str:
    return verbatim(target.name)
