"""What is added, under public names: observations as `Added`."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from prometheus_client.utils import floatToGoString

from exporter.explain.model import Added
from exporter.flow.labels import Labels
from exporter.flow.observations import Count, Observation, Total
from exporter.ledger import Bounds
from exporter.metrics import FLOW_FAMILIES, OWN_FAMILIES, family_of

_ORDER = tuple(family.total for family in (*FLOW_FAMILIES, *OWN_FAMILIES))

Sums = Counter[tuple[Total, Labels, float | None]]
"""How much observations add: to a counter, or how many observations of so many seconds to a histogram."""


def sums(observations: Iterable[Observation]) -> Sums:
    """Return what observations add; births at 0 add nothing."""
    total: Sums = Counter()
    for told in observations:
        if isinstance(told, Count):
            total[told.total, told.labels, None] += told.amount
        else:
            total[told.total, told.labels, told.seconds] += 1
    return total


def added(told: Sums, bounds: Bounds) -> tuple[Added, ...]:
    """Return the sums in the order of the metric table, zeros left out; `bounds` are those of the buckets."""
    chosen = sorted((key for key, amount in told.items() if amount), key=lambda key: (_ORDER.index(key[0]), key[1]))
    return tuple(
        _added(total, labels, seconds, told[total, labels, seconds], bounds) for total, labels, seconds in chosen
    )


def bucket(total: Total, seconds: float, bounds: Bounds) -> str:
    """Return the smallest bound of a bucket that takes `seconds`, as it is served."""
    upper = bounds[total]
    index = bisect_left(upper, seconds)
    return floatToGoString(upper[index]) if index < len(upper) else "+Inf"


def _added(total: Total, labels: Labels, seconds: float | None, amount: int, bounds: Bounds) -> Added:
    name = family_of(total).name
    if seconds is None:
        return Added(f"{name}_total", labels, amount)
    return Added(name, labels, amount, seconds, bucket(total, seconds, bounds))
