"""The spool: what was answered so far, in a file beside the output, so that a run that was stopped can go on."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from exporter.config import SourceSettings
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Outcome, Sighting

_KIND = "bkmonitor-flow-backfill"
_VERSION = 1
_BATCH = 200  # lines between two flushes to the disk: what a power cut costs is asked for again


class SpoolError(Exception):
    """The spool cannot be used; the message says which file, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: the range, as it was given and in unix seconds, and a digest of what is asked by.

    `asked_at` is when it was asked for the first time; a run that goes on takes that moment and the range from there,
    so that `7d` stays what it was.
    """

    given: tuple[str, str]
    start: float
    end: float
    asked_at: float
    digest: str


@dataclass(frozen=True, slots=True)
class Found:
    """An alert that the search watch of this index found, the first one in the config's order where several did."""

    watch: int
    sighting: Sighting


def fingerprint(sources: Iterable[SourceSettings]) -> str:
    """Return a digest of what the answers depend on: the sources, without who asks, and their watches."""
    asked = [
        source.model_dump(mode="json", include={"name", "url", "paths", "tenant_id", "timezone", "watch"})
        for source in sources
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


class Spool:
    """Holds the searches that are over and the logs that were read; only `close` and `remove` end it.

    Lines are only ever appended; a last one that a crash has torn is cut off. It holds no secret, and no text of a
    record. Opening raises SpoolError where the file is in use, damaged, or holds the answers to another query; writing
    does where it cannot be written. In memory there is what a search tells of each alert, of a log only its place.
    """

    def __init__(self, path: Path, query: Query) -> None:
        self.path = path
        self.found: dict[tuple[str, str], Found] = {}
        self.searched: set[tuple[str, int]] = set()
        self._logs: dict[tuple[str, str], int] = {}
        self._finding: dict[tuple[str, int], dict[str, Sighting]] = {}
        self._texts: dict[str, str] = {}
        self._unsynced = 0
        try:
            self._file = path.open("a+b")
        except OSError as error:
            raise SpoolError(f"{path}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.query = self._restore(query)
        except BlockingIOError:
            self._let_go()
            raise SpoolError(f"{path}: another backfill is at work here") from None
        except BaseException:
            self._let_go()
            raise

    @property
    def is_resumed(self) -> bool:
        """Whether a run before this one left answers here."""
        return bool(self.searched or self._logs)

    def has_log(self, source: str, alert_id: str) -> bool:
        """Whether an alert's log was read."""
        return (source, alert_id) in self._logs

    def add_search(self, source: str, watch: int, sightings: Iterable[Sighting]) -> None:
        """Keep all that the search of a watch found; from then on it need not be made again."""
        for sighting in sightings:
            self._append({"source": source, "watch": watch, "sighting": asdict(sighting)})
            self._find(source, watch, sighting)
        self._append({"source": source, "watch": watch, "searched": True})
        self._end_search(source, watch)
        self._sync()

    def add_log(self, source: str, alert_id: str, log: Log) -> None:
        """Keep the log of an alert."""
        rows = [[r.operate, r.status, r.created_at, r.anomaly_count] for r in log.records]
        line = {"source": source, "alert": alert_id, "log": rows, "rejected": dict(log.rejected)}
        self._logs[source, alert_id] = self._append(line)

    def log(self, source: str, alert_id: str) -> Log:
        """Return the log of an alert that was read; KeyError where it was not."""
        self._file.seek(self._logs[source, alert_id])
        line = json.loads(self._file.readline())
        return Log(tuple(FlowRecord(*row) for row in line["log"]), line["rejected"])

    def close(self) -> None:
        """Bring what is held to the disk and let go of the file."""
        if not self._file.closed:
            try:
                self._sync()
            finally:
                self._let_go()

    def remove(self) -> None:
        """Remove the file: everything in it has been used."""
        self.path.unlink(missing_ok=True)
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _let_go(self) -> None:
        # Closing writes what is still held: on a full disk that was refused before, and said.
        with suppress(OSError):
            self._file.close()

    def _restore(self, query: Query) -> Query:
        self._file.seek(0)
        lines = self._lines(self._file)
        head = next(lines, None)
        if head is None:
            self._append({_KIND: _VERSION, **asdict(query)})
            self._sync()
            return query
        before = self._query(head[1])
        if (before.given, before.digest) != (query.given, query.digest):
            raise SpoolError(f"{self.path}: holds the answers to another query; finish that one, or remove the file")
        for at, line in lines:
            self._take(at, line)
        return before

    def _lines(self, file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each line with its place; cut off a last one that is not whole."""
        at = 0
        for text in file:
            if not text.endswith(b"\n"):
                file.truncate(at)
                return
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                raise SpoolError(f"{self.path}: damaged at byte {at}; remove the file and begin anew")
            yield at, line
            at += len(text)

    def _query(self, head: dict[str, Any]) -> Query:
        try:
            if head.pop(_KIND) == _VERSION:
                given_from, given_to = head.pop("given")
                return Query((given_from, given_to), **head)
        except (KeyError, TypeError, ValueError):
            pass  # not ours, as the version of another one is not
        raise SpoolError(f"{self.path}: not a spool of this version of backfill; remove the file")

    def _take(self, at: int, line: dict[str, Any]) -> None:
        if "log" in line:
            self._logs[line["source"], line["alert"]] = at
        elif "sighting" in line:
            fields = line["sighting"]
            outcome = fields.pop("outcome")
            sighting = Sighting(**fields, outcome=None if outcome is None else Outcome(outcome))
            self._find(line["source"], line["watch"], sighting)
        else:
            self._end_search(line["source"], line["watch"])

    def _find(self, source: str, watch: int, sighting: Sighting) -> None:
        # The same few texts stand in all alerts: each is held once.
        fields = {self._texts.setdefault(n, n): self._texts.setdefault(t, t) for n, t in sighting.fields.items()}
        self._finding.setdefault((source, watch), {})[sighting.alert_id] = replace(sighting, fields=fields)

    def _end_search(self, source: str, watch: int) -> None:
        self.searched.add((source, watch))
        for alert_id, sighting in self._finding.pop((source, watch), {}).items():
            before = self.found.get((source, alert_id))
            if before is None or before.watch >= watch:
                self.found[source, alert_id] = Found(watch, sighting)

    def _append(self, line: Mapping[str, Any]) -> int:
        with self._writing():
            at = self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        self._unsynced += 1
        if self._unsynced >= _BATCH:
            self._sync()
        return at

    def _sync(self) -> None:
        with self._writing():
            self._file.flush()
            os.fsync(self._file.fileno())
        self._unsynced = 0

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SpoolError(f"{self.path}: cannot be written: {error.strerror}") from None
