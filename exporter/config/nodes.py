"""YAML nodes to plain values: the types of YAML 1.2's core schema, the line of each value, nothing that grows."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

from exporter.config.model import Loc

_DEEPEST = 50
_MOST_VALUES = 200_000
_MOST_REPEATED = 10_000
_TAG = "tag:yaml.org,2002:"
_TOO_DEEP = "nested too deep"
_UNKNOWN_TAG = 'this tag is not understood (quote a text that begins with "!")'


class SpelledFloat(float):
    """A number with a fraction that prints as it was written, so that the label value 1.10 does not become 1.1."""

    __slots__ = ("_spelling",)

    def __init__(self, spelling: str) -> None:
        self._spelling = spelling

    def __str__(self) -> str:
        return self._spelling


# PyYAML's own resolvers are those of YAML 1.1, where `no` is false, 1:30 is 90 and the alert id 0123 is 83.
_SCALARS: dict[str, tuple[re.Pattern[str], Callable[[str], object]]] = {
    "null": (re.compile(r"(~|null|Null|NULL|)\Z"), lambda _: None),
    "bool": (re.compile(r"(true|True|TRUE|false|False|FALSE)\Z"), lambda text: text.lower() == "true"),
    "int": (re.compile(r"[-+]?(0|[1-9][0-9]{0,127})\Z"), int),
    "float": (
        re.compile(r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)\Z"),
        SpelledFloat,
    ),
    "str": (re.compile(""), lambda text: _joined(text)),
}


class TooMuch(Exception):
    """A document is larger, once its aliases are followed, than any that makes sense; `line` is where that shows."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


class CoreLoader(yaml.SafeLoader):
    """Composes nodes whose plain scalars have the types of YAML 1.2's core schema; raises TooMuch for deep ones."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own name; it fills this dict for the class

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Refuse depth before it is scanned: for each token PyYAML looks through all that is open."""
        if self.flow_level > _DEEPEST:
            raise TooMuch(self.line + 1, _TOO_DEEP)
        super().fetch_flow_collection_start(token)


for _name, (_pattern, _) in _SCALARS.items():
    if _name != "str":
        CoreLoader.add_implicit_resolver(_TAG + _name, _pattern, None)


@dataclass(frozen=True, slots=True)
class Found:
    """Something wrong with the structure of a document: where, in which line, and what."""

    loc: Loc
    line: int
    message: str


class _Unreadable(Exception):
    """A key or value that cannot be read; the message tells the user why."""


@dataclass(slots=True)
class NodeReader:
    """Reads one tree of nodes; afterwards holds the lines of its values and keys, and what it found wrong.

    A mapping or list counts to the line of its key, where it has one. `broken` tells which values could not be read.
    `length` is that of the text: without aliases, each character is one value at most.
    """

    length: int
    lines: dict[Loc, int] = field(default_factory=dict)
    key_lines: dict[Loc, int] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    broken: set[Loc] = field(default_factory=set)
    _values: int = 0
    _open: list[yaml.Node] = field(default_factory=list)

    def read(self, node: yaml.Node, loc: Loc = ()) -> object:
        """Return the plain value of `node`, None where it cannot be read; raises TooMuch for one that never ends."""
        line = _line(node)
        self.lines[loc] = self.key_lines.get(loc, line) if isinstance(node, yaml.CollectionNode) else line
        self._values += 1
        most = min(_MOST_VALUES, self.length + _MOST_REPEATED)
        if self._values > most:
            raise TooMuch(line, f"more than {most} values (do aliases multiply them?)")
        if len(loc) > _DEEPEST:
            raise TooMuch(line, _TOO_DEEP)
        try:
            return _scalar(node) if isinstance(node, yaml.ScalarNode) else self._collection(node, loc)
        except _Unreadable as error:
            self.broken.add(loc)
            self.found.append(Found(loc, line, str(error)))
            return None

    def _collection(self, node: yaml.Node, loc: Loc) -> object:
        if any(node is outer for outer in self._open):
            raise _Unreadable("this alias contains itself")
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, loc)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.read(child, (*loc, index)) for index, child in enumerate(node.value)]
        finally:
            self._open.pop()
        raise _Unreadable(_UNKNOWN_TAG)

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, child in node.value:
            try:
                key = self._key(key_node, loc)
            except _Unreadable as error:
                self.found.append(Found((*loc, _spelling(key_node)), _line(key_node), str(error)))
            else:
                self.key_lines[*loc, key] = _line(key_node)
                values[key] = self.read(child, (*loc, key))
        return values

    def _key(self, node: yaml.Node, loc: Loc) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _Unreadable("a key must be a text")
        key = _joined(node.value)
        first = self.key_lines.get((*loc, key))
        if first:
            raise _Unreadable(f"given twice, first in line {first}")
        return key


def _scalar(node: yaml.ScalarNode) -> object:
    pattern, convert = _SCALARS.get(node.tag.removeprefix(_TAG), (None, None))
    if pattern is None or convert is None or not pattern.match(node.value):
        raise _Unreadable(_UNKNOWN_TAG)
    return convert(node.value)


def _joined(text: str) -> str:
    """Return a text with its surrogate pairs joined, which is how JSON escapes the rarer characters."""
    try:
        if "\0" not in text:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        pass
    raise _Unreadable("this text has a character that no text may have")


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _spelling(key: yaml.Node) -> str:
    return key.value if isinstance(key, yaml.ScalarNode) else ""
