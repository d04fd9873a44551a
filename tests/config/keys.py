"""Every key that a config may have, by the JSON Schema."""

from collections.abc import Iterator
from typing import Any

from exporter.config import json_schema


def known_keys(part: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key path of the JSON Schema with its default, None where it has none."""
    definitions = json_schema()["$defs"]
    for name, key in part["properties"].items():
        yield f"{prefix}{name}", key.get("default")
        inner, bracket = (key["items"], "[]") if key.get("type") == "array" else (key, "")
        for choice in inner.get("anyOf", [inner]):
            if "$ref" in choice:
                yield from known_keys(definitions[choice["$ref"].rpartition("/")[2]], f"{prefix}{name}{bracket}.")


KNOWN = dict(known_keys(json_schema()))
