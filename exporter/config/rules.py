"""Rules between the keys of one mapping: exactly one of them, at most one, at least one, one that needs another."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from exporter.config.model import Finding, Rule


def exactly_one(*keys: str) -> Rule:
    """Return the rule that one of `keys` is given and no other."""

    def check(given: Mapping[str, object]) -> Iterator[Finding]:
        yield from _too_few(given, keys)
        yield from _too_many(given, keys)

    return Rule(check, {"title": f"exactly one of {', '.join(keys)}", "oneOf": [{"required": [key]} for key in keys]})


def at_most_one(*keys: str) -> Rule:
    """Return the rule that no two of `keys` are given."""
    pairs = [{"required": list(pair)} for pair in combinations(keys, 2)]
    title = f"at most one of {', '.join(keys)}"
    return Rule(lambda given: _too_many(given, keys), {"title": title, "not": {"anyOf": pairs}})


def at_least_one(*keys: str) -> Rule:
    """Return the rule that some of `keys` are given."""
    title = f"at least one of {', '.join(keys)}"
    return Rule(lambda given: _too_few(given, keys), {"title": title, "anyOf": [{"required": [key]} for key in keys]})


def needs(key: str, other: str) -> Rule:
    """Return the rule that `key` is given only beside `other`."""

    def check(given: Mapping[str, object]) -> Iterator[Finding]:
        if key in given and other not in given:
            yield (key,), f"needs {other} beside it"

    return Rule(check, {"title": f"{key} needs {other} beside it", "dependentRequired": {key: [other]}})


def _too_few(given: Mapping[str, object], keys: tuple[str, ...]) -> Iterator[Finding]:
    if not any(key in given for key in keys):
        yield (), f"expected one of {', '.join(keys)}"


def _too_many(given: Mapping[str, object], keys: tuple[str, ...]) -> Iterator[Finding]:
    first, *others = [key for key in given if key in keys] or [""]
    for other in others:
        yield (other,), f"contradicts {first}: give one of {', '.join(keys)}"
