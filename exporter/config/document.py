"""A YAML file as plain values that know their lines: read, decoded, checked for what YAML itself forbids."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from exporter.config.faults import ConfigError, Fault, OutOfReach, key_path
from exporter.config.model import Loc
from exporter.config.nodes import CoreLoader, NodeReader, TooMuch

_LARGEST = 4 * 1024 * 1024

# In words of ours what PyYAML says oddly, or with a piece of the file in it that may be a secret without its quotes.
_OUR_WORDS = {
    "but found another document": "a second document begins here (---)",
    "found undefined alias": 'an alias to nothing (quote a text that begins with "*")',
    "found undefined tag handle": 'a tag that is not understood (quote a text that begins with "!")',
    "duplicate tag handle": "a tag handle is declared twice",
    "second occurrence": "an anchor (&) is declared twice",
    "found character '\\t'": "a tab where only blanks may indent",
    "found character": "a sign that no text may begin with (quote the text)",
    "mapping values are not allowed here": "a colon where none may be (quote the text, or mind the indentation)",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A file's plain values, the lines they stand in, and the faults of its structure.

    A value that could not be read for such a fault is None, and its place is in `broken`.
    """

    file: str
    value: object
    lines: Mapping[Loc, int]
    key_lines: Mapping[Loc, int]
    faults: tuple[Fault, ...]
    broken: frozenset[Loc]

    def fault(self, loc: Loc, message: str, *, at_key: bool = False) -> Fault:
        """Return a fault of the value at `loc`, or of its key; what is not in the file counts to what it lacks in."""
        line = self.key_lines.get(loc) if at_key else None
        return Fault(self.file, line or self._line(loc), key_path(loc), message)

    def is_broken(self, loc: Loc) -> bool:
        """Tell whether a fault of the structure has been told for `loc` or for something around it."""
        return any(loc[:depth] in self.broken for depth in range(len(loc) + 1))

    def _line(self, loc: Loc) -> int:
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines[loc]


def read_document(path: Path) -> Document:
    """Return the YAML or JSON document in a file.

    Raises ConfigError for one that cannot be read, or has no content; `OutOfReach` where that is the system's fault.
    """
    file = str(path)
    text = _read_text(path)
    reader = NodeReader(len(text))
    try:
        node = _compose(file, text)
        if node is None:
            raise ConfigError([Fault(file, 1, "", "this file is empty")])
        value = reader.read(node)
    except TooMuch as error:
        raise ConfigError([Fault(file, error.line, "", str(error))]) from None
    faults = tuple(Fault(file, found.line, key_path(found.loc), found.message) for found in reader.found)
    return Document(file, value, reader.lines, reader.key_lines, faults, frozenset(reader.broken))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise _unreadable(path, "no such file") from None
    except IsADirectoryError:
        raise _unreadable(path, "this is a directory, not a file") from None
    except OSError as error:
        raise OutOfReach(path, error) from None
    except ValueError as error:
        raise _unreadable(path, f"cannot be read: {error}") from None
    if len(content) > _LARGEST:
        raise _unreadable(path, f"this file is larger than {_LARGEST // 1024**2} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(path, "not UTF-8 text", line=content[: error.start].count(b"\n") + 1) from None
    # JSON may indent with tabs, and has none within its texts.
    return text.replace("\t", " ") if path.suffix == ".json" else text


def _compose(file: str, text: str) -> yaml.Node | None:
    loader = _loader(file, text)
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        message = f"not valid YAML: {_reworded(error.problem or '')}"
    except RecursionError:
        line, message = loader.line, "nested too deep"
    except (ValueError, OverflowError):  # PyYAML lets chr() and int() fail on impossible escapes and versions
        line, message = loader.line, "not valid YAML: an escape or a version number out of range"
    raise ConfigError([Fault(file, min(line, text.count("\n")) + 1, "", message)])


def _loader(file: str, text: str) -> CoreLoader:
    try:
        return CoreLoader(text)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        message = f"a character that YAML does not allow: U+{error.character:04X}"
    raise ConfigError([Fault(file, line, "", message)])


def _reworded(problem: str) -> str:
    return next((words for start, words in _OUR_WORDS.items() if problem.startswith(start)), problem)


def _unreadable(path: Path, message: str, *, line: int = 1) -> ConfigError:
    return ConfigError([Fault(str(path), line, "", message)])
