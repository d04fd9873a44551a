"""How many series there may be, so that one busy day overwhelms no Prometheus."""

from typing import Annotated

from exporter.config.model import Model
from exporter.config.scalars import whole

_MOST = 10_000_000


class LimitSettings(Model):
    """The most of what alerts alone could otherwise make any number of."""

    alert_series: Annotated[int, whole(1, _MOST)] = 2_000
    """How many alerts may have series of their own, in each of the metrics with the label `alert_id`; those created
    first are kept."""
    label_sets: Annotated[int, whole(1, _MOST)] = 10_000
    """How many combinations of the labels of alerts one ledger may have, or with `shards` the part of it that one
    exporter has. An alert first seen with a further one gets `other` for every label but `source` and `shard`, ack
    target included: it is the one that matches these labels."""
