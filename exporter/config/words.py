"""How a fault names what it found: in the words of YAML, and short enough for one line."""

import json
from collections.abc import Mapping

_LONGEST = 40


def kind(value: object) -> str:
    """Return the kind of `value`; never the value itself, so this is what a secret's fault may say."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int | float):
        return "a number"
    return "a mapping" if isinstance(value, Mapping) else "a list"


def shown(value: object) -> str:
    """Return a scalar as one would write it, cut where it is long, and the kind of anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _cut(str(value))
    if isinstance(value, str):
        return json.dumps(_cut(value), ensure_ascii=False)
    return kind(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
