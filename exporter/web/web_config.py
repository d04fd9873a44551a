"""The web config file as it is now: re-read when it, or a certificate or key that it names, has changed."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import structlog

from exporter.config import ConfigError, FileSignature, OutOfReach, WebFile, file_signature, load_web_file

_Signatures = tuple[tuple[FileSignature | None, bool], ...]

_NEVER_READ: _Signatures = ()

log = structlog.get_logger()


class WebConfig:
    """Holds the last good version of a web config file; the constructor raises ConfigError for one with faults.

    Later, a file that has faults changes nothing: it is logged, once for each change of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._current, self._files, self._signatures = _load(path)
        self._is_out_of_reach = False

    @property
    def scheme(self) -> str:
        """The scheme of the server's addresses; fixed from the start."""
        return _scheme(self._current)

    @property
    def current(self) -> WebFile:
        """Return what the file says, asking the file system whether it is as it was; from any thread."""
        with self._lock:
            signatures = _signatures(self._files)
            if signatures != self._signatures:
                self._signatures = signatures
                self._reread()
            return self._current

    def _reread(self) -> None:
        try:
            read, files, signatures = _load(self._path)
        except ConfigError as error:
            self._keep(error)
            return
        self._is_out_of_reach = False
        if _scheme(read) != self.scheme:
            self._refuse([f"{self._path}: TLS is not switched on or off without a restart"])
            return
        self._current, self._files, self._signatures = read, files, signatures
        log.info("web config file re-read", file=str(self._path))

    def _keep(self, error: ConfigError) -> None:
        """Go on with the last good version; a file out of reach is tried by each look, for it may stay as it is."""
        was_out_of_reach, self._is_out_of_reach = self._is_out_of_reach, isinstance(error, OutOfReach)
        if self._is_out_of_reach:
            self._signatures = _NEVER_READ
            if was_out_of_reach:
                return
        self._refuse(str(fault) for fault in error.faults)

    def _refuse(self, faults: Iterable[str]) -> None:
        log.error("web config file has faults, the last good one stays in force", faults="; ".join(faults))


def _scheme(file: WebFile) -> str:
    return "http" if file.tls_server_config is None else "https"


def _load(path: Path) -> tuple[WebFile, tuple[Path, ...], _Signatures]:
    """Return the file's content, the files that it depends on, and their signatures from before they were read."""
    files: tuple[Path, ...] = (path,)
    while True:
        signatures = _signatures(files)
        read = load_web_file(path)
        named = (path, *(read.tls_server_config.files if read.tls_server_config else ()))
        if named == files:
            return read, files, signatures
        files = named


def _signatures(files: Iterable[Path]) -> _Signatures:
    # Whether it can be read is no part of a file's signature, but a way to mend one that could not.
    return tuple((file_signature(file), os.access(file, os.R_OK)) for file in files)
