"""Which alerts are watched, and the labels they get: fixed ids, and files that are re-read when they change."""

from exporter.watch.selection import Selected, Selection
from exporter.watch.watches import Watches

__all__ = ["Selected", "Selection", "Watches"]
