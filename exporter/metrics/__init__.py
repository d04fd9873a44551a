"""What a scrape gets: the table of metric families, and the snapshot made of them."""

from exporter.metrics.families import FLOW_FAMILIES, OWN_FAMILIES
from exporter.metrics.moment import Moment, SourceState
from exporter.metrics.own import OwnMetrics
from exporter.metrics.publisher import Publisher
from exporter.metrics.snapshot import Snapshot

__all__ = ["FLOW_FAMILIES", "OWN_FAMILIES", "Moment", "OwnMetrics", "Publisher", "Snapshot", "SourceState"]
