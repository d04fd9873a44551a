"""The bounds of the histograms' buckets, as the config asks for them."""

from collections.abc import Iterable

from exporter.config import AckTargetSettings, HistogramSettings
from exporter.flow.observations import Total
from exporter.ledger import Bounds


def bounds(histograms: HistogramSettings, targets: Iterable[AckTargetSettings] = ()) -> Bounds:
    """Return the bucket bounds of each histogram among the totals; each ack target is an exact one."""
    return {
        Total.TIME_TO_ACK: tuple(sorted({*histograms.time_to_ack, *(target.within for target in targets)})),
        Total.TIME_TO_FIRST_ACTION: histograms.time_to_first_action,
        Total.TIME_TO_END: histograms.time_to_end,
    }
