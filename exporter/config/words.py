"""How a fault names what it found: in YAML's words, short enough for a line, without what may be a secret."""

import json
import re
from collections.abc import Mapping

_LONGEST = 24
_PLAIN = re.compile(rf"[\w .,:/-]{{0,{_LONGEST}}}")


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
    """Return a short and plain scalar as one would write it, and the kind of anything else.

    What is long, or has signs in it that are no part of words, may be a secret that stands at the wrong key. Where a
    secret is likely to (in `auth`, in addresses, beside them) not even that is told, but the kind.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and len(str(value)) <= _LONGEST:
        return str(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return f"a long {kind(value)[2:]}" if isinstance(value, str | int | float) else kind(value)
