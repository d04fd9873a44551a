"""The watches of one source as they stand now."""

import json
from collections.abc import Iterable, Iterator, Mapping

from exporter.config import WatchSettings
from exporter.watch.files import WatchedFiles
from exporter.watch.selection import Selection, select


class Watches:
    """Tells which alerts of a source are selected now; asks the file system, and nothing else."""

    def __init__(self, source: str, watches: Iterable[WatchSettings], fields: Iterable[str]) -> None:
        self._watches = [
            (watch_name(watch), watch, WatchedFiles(watch.files, fields) if watch.files else None)
            for watch in watches
            if watch.search is None
        ]
        self._base = {"source": source}
        self._selection = select(self._groups(), self._base)

    @property
    def names(self) -> tuple[str, ...]:
        """The watches, under names that stay as long as what they select by stays."""
        return tuple(name for name, _, _ in self._watches)

    @property
    def have_found(self) -> bool:
        """Whether there was anything to select by: fixed ids, or a file that could be read, be it empty."""
        return any(watch.alerts or (files is not None and files.have_read) for _, watch, files in self._watches)

    def selection(self) -> Selection:
        """Return the selected alerts: the same object as before where no file changed."""
        changed = [files.refresh() for _, _, files in self._watches if files is not None]
        if any(changed):
            self._selection = select(self._groups(), self._base)
        return self._selection

    def _groups(self) -> Iterator[tuple[str, Iterable[str], Mapping[str, str]]]:
        for name, watch, files in self._watches:
            yield name, watch.alerts, watch.labels
            for group in files.groups() if files is not None else ():
                yield name, group.alerts, {**watch.labels, **group.labels}


def watch_name(watch: WatchSettings) -> str:
    """Return the name under which the ledger keeps a watch's last good cycle.

    Its labels and its files, not its place in the config or its ids: adding an id to a list makes no new watch.
    """
    kind = {"files": list(watch.files)} if watch.files else {"alerts": "fixed"}
    return json.dumps(kind | {"labels": dict(watch.labels)}, sort_keys=True)
