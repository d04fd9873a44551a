"""Files that list alerts: re-read when they change; a broken one keeps its last good list and says so."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path

import structlog

from exporter.config import (
    ConfigError,
    FileSignature,
    OutOfReach,
    WatchGroup,
    file_signature,
    load_watch_file,
    matching_files,
)

_SMALL = 16 * 1024  # bytes that are read in some 20 ms; a hundred thousand alerts take seconds

_NEVER_READ: FileSignature = (0, 0, 0)

Groups = tuple[WatchGroup, ...]

log = structlog.get_logger()


class WatchedFiles:
    """The groups in the files that the patterns of one watch match; making it reads them all."""

    def __init__(self, patterns: Iterable[str], reserved: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._reserved = frozenset(reserved)
        self._signatures: dict[Path, FileSignature] = {}
        self._groups: dict[Path, Groups] = {}
        self._broken: set[Path] = set()
        self._under_way: dict[Path, tuple[FileSignature, Future[Groups]]] = {}
        self._have_read = False
        for path, signature in self._found().items():
            self._adopt(path, signature, self._begin(path, at_once=True))

    @property
    def have_read(self) -> bool:
        """Whether any file was ever read well."""
        return self._have_read

    def groups(self) -> Iterable[WatchGroup]:
        """Return the groups of every file, as last read well, in the files' order."""
        return (group for path in sorted(self._groups) for group in self._groups[path])

    def refresh(self) -> bool:
        """Read the files that are new or changed, drop those that are gone; return whether any group may differ.

        Large files are read in a thread of their own, so that nobody waits for them, and adopted by a later refresh.
        """
        found = self._found()
        gone = [path for path in self._signatures if path not in found]
        for path in gone:
            self._drop(path)
        self._under_way = {path: reading for path, reading in self._under_way.items() if path in found}
        for path, signature in found.items():
            if path not in self._under_way and self._signatures.get(path) != signature:
                self._under_way[path] = signature, self._begin(path, at_once=signature[1] <= _SMALL)
        read = [path for path, (_, groups) in self._under_way.items() if groups.done()]
        adopted = [self._adopt(path, *self._under_way.pop(path)) for path in read]
        return bool(gone) or any(adopted)

    def _found(self) -> dict[Path, FileSignature]:
        paths = matching_files(self._patterns)
        return {path: signature for path in paths if (signature := file_signature(path)) is not None}

    def _begin(self, path: Path, *, at_once: bool) -> "Future[Groups]":
        groups: Future[Groups] = Future()
        if at_once:
            self._read(path, groups)
        else:
            threading.Thread(target=self._read, args=(path, groups), name="watch-file", daemon=True).start()
        return groups

    def _read(self, path: Path, groups: "Future[Groups]") -> None:
        try:
            groups.set_result(load_watch_file(path, self._reserved))
        except BaseException as error:  # noqa: BLE001 - whoever adopts the groups tells a broken file from a bug
            groups.set_exception(error)

    def _drop(self, path: Path) -> None:
        log.info("watch file is gone", file=str(path), alerts=_count(self._groups.get(path, ())))
        self._signatures.pop(path)
        self._groups.pop(path, None)
        self._broken.discard(path)

    def _adopt(self, path: Path, signature: FileSignature, read: "Future[Groups]") -> bool:
        """Take in what was read of a file; return whether that is a list."""
        is_known = path in self._signatures
        self._signatures[path] = signature
        try:
            groups = read.result()
        except ConfigError as error:
            self._keep(path, error)
            return False
        if path in self._broken or is_known:
            log.info("watch file read", file=str(path), alerts=_count(groups))
        self._broken.discard(path)
        self._groups[path] = groups
        self._have_read = True
        return True

    def _keep(self, path: Path, error: ConfigError) -> None:
        """Go on with the last good list; a file out of reach is tried by each refresh, for it may stay as it is."""
        if isinstance(error, OutOfReach):
            self._signatures[path] = _NEVER_READ
            if path in self._broken:
                return
        kept = _count(self._groups.get(path, ()))
        log.error("watch file is broken, its last good list stays", file=str(path), faults=str(error), kept=kept)
        self._broken.add(path)


def _count(groups: Iterable[WatchGroup]) -> int:
    return sum(len(group.alerts) for group in groups)
