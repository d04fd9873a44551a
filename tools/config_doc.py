"""Writes the tables of keys in docs/configuration.md, from the config's JSON Schema: `python -m tools.config_doc`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.config import format_duration, json_schema

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

# The page has a pair of marks for each mapping of the config; what stands around them is written by hand.
_MARKS = re.compile(r"(?P<begin><!-- keys of (?P<of>[^:\n]+):[^\n]+ -->\n).*?(?=<!-- end of keys -->\n)", re.DOTALL)
_DEFINITIONS = json_schema()["$defs"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the page tells it, in Markdown."""

    name: str
    takes: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of the config: where it stands (`sources[].auth`, empty for the file), its keys, their rules."""

    path: str
    keys: tuple[Key, ...]
    rules: tuple[str, ...]


def sections() -> tuple[Section, ...]:
    """Return every mapping of the config, each before those within it, in the order of the models."""
    return tuple(_sections(json_schema(), ""))


def page(text: str) -> str:
    """Return the page `text` with the tables as they should be, each between the marks of its mapping.

    Raises ValueError where the marks are not one pair for each mapping, in the order of the models.
    """
    tables = {section.path or "the file": _table(section) for section in sections()}
    marked = [found["of"] for found in _MARKS.finditer(text)]
    if marked != list(tables):
        raise ValueError(f"{PAGE.name}: expected marks for the keys of {', '.join(tables)}; got {', '.join(marked)}")
    return _MARKS.sub(lambda found: f"{found['begin']}\n{tables[found['of']]}\n", text)


def _sections(schema: Mapping[str, Any], path: str) -> Iterator[Section]:
    keys = schema["properties"]
    required = schema.get("required", ())
    yield Section(
        path,
        tuple(_key(name, node, _below(path, name, node), name in required) for name, node in keys.items()),
        tuple(_in_code(rule["title"], keys) for rule in schema.get("allOf", ())),
    )
    for name, node in keys.items():
        if below := _mapping_in(node):
            yield from _sections(below, _below(path, name, node))


def _key(name: str, node: Mapping[str, Any], path: str, is_required: bool) -> Key:
    default = "required" if is_required else _default(node)
    return Key(f"`{name}`", _takes(node, path), default, " ".join(node["description"].split()))


def _below(path: str, name: str, node: Mapping[str, Any]) -> str:
    return f"{path}.{name}".removeprefix(".") + ("[]" if "items" in node else "")


def _mapping_in(node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the mapping of the config that a value is, or is a list of; None for any other value."""
    node = node.get("items", node)
    names = [choice["$ref"] for choice in node.get("anyOf", (node,)) if "$ref" in choice]
    return _DEFINITIONS[names[0].rpartition("/")[2]] if names else None


def _takes(node: Mapping[str, Any], path: str) -> str:
    """Return what a value is, in a user's words; raises KeyError for one whose type has no title."""
    if "$ref" in node:
        return f"[a mapping](#{re.sub(r'[^a-z_]', '', path)})"
    if "title" in node:
        return str(node["title"])
    if "enum" in node:
        *names, last = (f"`{value}`" for value in node["enum"])
        return f"{', '.join(names)} or {last}"
    if "items" in node:
        return f"a list{', not empty' if node.get('minItems') else ''}; each {_takes(node['items'], path)}"
    return " or ".join(_takes(choice, path) for choice in node["anyOf"] if choice.get("type") != "null")


def _default(node: Mapping[str, Any]) -> str:
    default = node.get("default")
    if default in (None, "", [], {}):
        return "none"
    if _mapping_in(node) and "items" not in node:
        return "its defaults"
    return f"`{_written(default, node)}`"


def _written(value: object, node: Mapping[str, Any]) -> str:
    """Return a value as one would write it into the config."""
    if isinstance(value, list):
        return f"[{', '.join(_written(element, node['items']) for element in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        is_duration = node["title"].startswith("a duration")
        return format_duration(value) if is_duration else f"{value:g}"
    return str(value)


def _in_code(sentence: str, names: Mapping[str, Any]) -> str:
    """Return a sentence that begins with a capital letter and has the names of keys as code."""
    words = re.sub(r"\w+", lambda word: f"`{word[0]}`" if word[0] in names else word[0], sentence)
    return f"{words[:1].upper()}{words[1:]}."


def _table(section: Section) -> str:
    cells = ((key.name, key.takes, key.default, key.meaning) for key in section.keys)
    rows = (f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |\n" for row in cells)
    rules = "\n" + "".join(f"- {rule}\n" for rule in section.rules) if section.rules else ""
    return "| key | takes | default | what |\n|---|---|---|---|\n" + "".join(rows) + rules


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
