"""The report: an estimate as a table for a terminal, and as JSON."""

from collections.abc import Iterator, Sequence

from exporter.config import format_duration
from exporter.estimate.asking import SeenSource
from exporter.estimate.counting import Estimate
from exporter.estimate.rules import RECORD_KINDS, Layout

_MOST_LABELS = 10

ASSUMPTIONS = (
    "no log was asked for: what is in the logs is guessed from the searches",
    "now: each alert has a CREATE and a CONVERGE record, an ACTION unless it is shielded, an ACK or an end as found",
    f"most: each label set comes to {RECORD_KINDS} operates and statuses, to every outcome and every latency",
    "most: as many alerts are open as now, under the label sets of now; what is yet to come may bring new ones",
    "an alert that only a list names is open and not acknowledged",
    "the source tells anomaly points; servers since 2022 do not, and have no bkmonitor_flow_anomaly_count",
)


def as_json(estimate: Estimate, sources: Sequence[SeenSource], layout: Layout, window: float) -> dict[str, object]:
    """Return the estimate, ready for JSON; the keys are a promise to scripts."""
    return {
        "sources": [
            {
                "source": seen.name,
                "alerts": len(seen.alerts),
                "open_alerts": sum(alert.is_open for alert in seen.alerts),
                "searches": seen.searches,
                "window_seconds": window,
                "troubles": list(seen.troubles),
            }
            for seen in sources
        ],
        "label_sets": estimate.label_sets,
        "metrics": [
            {"metric": row.metric, "now": row.now, "most": row.most, "counted_as": row.counted_as}
            for row in estimate.rows
        ],
        "total": {"now": estimate.now, "most": estimate.most},
        "labels": [
            {
                "label": label.name,
                "values": label.values,
                "without": {"label_sets": label.label_sets_without, "most": label.most_without},
            }
            for label in estimate.labels
        ],
        "warnings": list(warnings(estimate, sources, layout)),
        "assumptions": list(ASSUMPTIONS),
    }


def as_text(estimate: Estimate, sources: Sequence[SeenSource], layout: Layout, window: float) -> Iterator[str]:
    """Yield the lines of the estimate: what was seen, series by metric, labels by what they cost, warnings."""
    for seen in sources:
        yield _seen(seen, window)
    yield ""
    yield from _metrics(estimate)
    if estimate.labels:
        yield ""
        yield from _labels(estimate)
    yield ""
    yield "assumed:"
    yield from (f"  {assumption}" for assumption in ASSUMPTIONS)
    yield from (f"warning: {warning}" for warning in warnings(estimate, sources, layout))


def warnings(estimate: Estimate, sources: Sequence[SeenSource], layout: Layout) -> Iterator[str]:
    """Yield where a limit would bite, and where what was seen is not all there is."""
    if estimate.label_sets > layout.label_sets:
        beyond = estimate.label_sets - layout.label_sets
        yield (
            f"limits.label_sets ({layout.label_sets}) bites: there are {estimate.label_sets} label sets, and {beyond} "
            "of them would be counted as other; drop a label, list its values under only, or raise the limit"
        )
    if estimate.open_alerts > layout.alert_series:
        yield (
            f"limits.alert_series ({layout.alert_series}) bites: there are {estimate.open_alerts} open alerts, and the "
            "newest would have no series of their own; search for fewer, or raise the limit"
        )
    for seen in sources:
        if seen.troubles:
            yield f"{seen.name}: not all alerts were seen, the estimate is too low"
        if not seen.is_complete:
            yield f"{seen.name}: the answers did not tell of all alerts, the estimate is too low"
        for reason, rows in seen.rejected.items():
            yield f"{seen.name}: {rows} row(s) of the answers could not be read ({reason})"
        if not seen.alerts and not seen.troubles:
            yield f"{seen.name}: the watches select no alert now, so nothing can be said of the series to come"


def _seen(seen: SeenSource, window: float) -> str:
    still_open = sum(alert.is_open for alert in seen.alerts)
    listed = sum(alert.sighting is None for alert in seen.alerts)
    unknown = f", {listed} of them known by their ids alone" if listed else ""
    return (
        f"{seen.name}: {len(seen.alerts)} alert(s), {still_open} open{unknown}; "
        f"{seen.searches} search(es) for all that was open in the last {format_duration(window)}"
    )


def _metrics(estimate: Estimate) -> Iterator[str]:
    lines = [("metric", "now", "most", f"counted as (of {estimate.label_sets} label sets)")]
    lines += [(row.metric, f"{row.now:,}", f"{row.most:,}", row.counted_as) for row in estimate.rows]
    lines += [("total", f"{estimate.now:,}", f"{estimate.most:,}", "")]
    names, nows, mosts = (max(len(line[column]) for line in lines) for column in range(3))
    for name, now, most, counted_as in lines:
        yield f"{name:<{names}}  {now:>{nows}}  {most:>{mosts}}  {counted_as}".rstrip()


def _labels(estimate: Estimate) -> Iterator[str]:
    lines = [("label", "values", "label sets without it", "most without it")]
    lines += [
        (label.name, f"{label.values:,}", f"{label.label_sets_without:,}", f"{label.most_without:,}")
        for label in estimate.labels[:_MOST_LABELS]
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for name, *numbers in lines:
        yield "  ".join(
            [f"{name:<{widths[0]}}", *(f"{n:>{width}}" for n, width in zip(numbers, widths[1:], strict=True))]
        )
