"""History as OpenMetrics: reads what happened in a range of time, and tells it as samples with timestamps."""

from exporter.backfill.exposition import exposition
from exporter.backfill.grid import LONGEST_STEP, Grid
from exporter.backfill.history import History
from exporter.backfill.output import OutputError, written
from exporter.backfill.progress import Progress
from exporter.backfill.range import ACCEPTED, read_moment
from exporter.backfill.reading import SourceReading, Trouble
from exporter.backfill.replay import Story, replay
from exporter.backfill.spool import Found, Query, Spool, SpoolError, fingerprint

__all__ = [
    "ACCEPTED",
    "LONGEST_STEP",
    "Found",
    "Grid",
    "History",
    "OutputError",
    "Progress",
    "Query",
    "SourceReading",
    "Spool",
    "SpoolError",
    "Story",
    "Trouble",
    "exposition",
    "fingerprint",
    "read_moment",
    "replay",
    "written",
]
