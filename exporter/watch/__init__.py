"""Which alerts are watched, and the labels they get: fixed ids, files that are re-read, and searches."""

from exporter.watch.search import SearchWatch, search_watches
from exporter.watch.selection import Selected, Selection
from exporter.watch.watches import Watches

__all__ = ["SearchWatch", "Selected", "Selection", "Watches", "search_watches"]
