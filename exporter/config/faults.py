"""Faults of a config: where each stands and what would be right; and the error that carries all of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from exporter.config.model import Loc

_PLAIN_KEY = re.compile(r"[\w.-]{1,32}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: in which file and line (from 1), under which key (empty: the file as a whole), and what."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return f"{place}{self.key}: {self.message}" if self.key else f"{place}{self.message}"


class ConfigError(Exception):
    """A config cannot be used; `faults` tells all that is wrong with it, in file order, and so does str, one a line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class OutOfReach(ConfigError):
    """A file that is there could not be read just now; the same file may be read another time."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__([Fault(str(path), 1, "", f"cannot be read: {error.strerror or error}")])


def key_path(loc: Loc) -> str:
    """Return a place as its user would write it: `sources[0].auth.app_code`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_legible(part)}" for part in loc).removeprefix(".")


def _legible(key: str) -> str:
    """Return a key as it is, or its first word: with the blank after a colon forgotten, a key holds its secret."""
    word = re.split(r"[^\w.-]", key, maxsplit=1)[0]
    legible = word if _PLAIN_KEY.fullmatch(word) else ""
    return legible if legible == key and key else f"{legible}…"
