"""Files that list alerts: re-read when they change; a broken one keeps its last good list and says so."""

from collections.abc import Iterable
from pathlib import Path

import structlog

from exporter.config import ConfigError, FileSignature, WatchGroup, file_signature, load_watch_file, matching_files

log = structlog.get_logger()


class WatchedFiles:
    """The groups in the files that the patterns of one watch match."""

    def __init__(self, patterns: Iterable[str], reserved: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._reserved = frozenset(reserved)
        self._signatures: dict[Path, FileSignature] = {}
        self._groups: dict[Path, tuple[WatchGroup, ...]] = {}
        self._broken: set[Path] = set()
        self._have_read = False
        self.refresh()

    @property
    def have_read(self) -> bool:
        """Whether any file was ever read well."""
        return self._have_read

    def groups(self) -> Iterable[WatchGroup]:
        """Return the groups of every file, as last read well, in the files' order."""
        return (group for path in sorted(self._groups) for group in self._groups[path])

    def refresh(self) -> bool:
        """Read the files that are new or changed, drop those that are gone; return whether any group may differ."""
        found = {
            path: signature
            for path in matching_files(self._patterns)
            if (signature := file_signature(path)) is not None
        }
        gone = [path for path in self._signatures if path not in found]
        changed = [path for path, signature in found.items() if self._signatures.get(path) != signature]
        for path in gone:
            self._drop(path)
        for path in changed:
            self._read(path)
            self._signatures[path] = found[path]
        return bool(gone or changed)

    def _drop(self, path: Path) -> None:
        log.info("watch file is gone", file=str(path), alerts=_count(self._groups.get(path, ())))
        self._signatures.pop(path)
        self._groups.pop(path, None)
        self._broken.discard(path)

    def _read(self, path: Path) -> None:
        try:
            groups = load_watch_file(path, self._reserved)
        except ConfigError as error:
            kept = _count(self._groups.get(path, ()))
            log.error("watch file is broken, its last good list stays", file=str(path), faults=str(error), kept=kept)
            self._broken.add(path)
            return
        if path in self._broken or path in self._signatures:
            log.info("watch file read", file=str(path), alerts=_count(groups))
        self._broken.discard(path)
        self._groups[path] = groups
        self._have_read = True


def _count(groups: Iterable[WatchGroup]) -> int:
    return sum(len(group.alerts) for group in groups)
