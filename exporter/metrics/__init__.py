"""What a scrape gets: the table of metric families, and the snapshot made of them."""

from exporter.metrics.families import FLOW_FAMILIES, OWN_FAMILIES, family_of
from exporter.metrics.moment import Asked, Moment, Plan, SourceState, WatchedState
from exporter.metrics.own import LABEL_SETS, OwnMetrics
from exporter.metrics.publisher import Publisher
from exporter.metrics.renderer import Renderer
from exporter.metrics.snapshot import Form, LeaseEnded, Snapshot
from exporter.metrics.texts import Format

__all__ = [
    "FLOW_FAMILIES",
    "LABEL_SETS",
    "OWN_FAMILIES",
    "Asked",
    "Form",
    "Format",
    "LeaseEnded",
    "Moment",
    "OwnMetrics",
    "Plan",
    "Publisher",
    "Renderer",
    "Snapshot",
    "SourceState",
    "WatchedState",
    "family_of",
]
