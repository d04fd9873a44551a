"""Equal values that many alerts have, held once: an alert then costs the memory of what is its own."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.flow.sightings import Sighting

_HELD = 16_384  # of each kind, those used last: more than there are label sets, or strategies, as a rule

Value = TypeVar("Value", int, str)


def shared_alert(known: KnownAlert) -> KnownAlert:
    """Return `known` with labels, and fields of its sighting, that are shared: for an alert that is seen first.

    Its counts need none of that: `advance` shares them.
    """
    seen = None if known.sighting is None else shared_sighting(known.sighting)
    return replace(known, labels=shared_labels(known.labels), sighting=seen)


def shared_sighting(seen: Sighting) -> Sighting:
    """Return `seen` with fields that are shared, and without what an alert's knowledge does without."""
    return replace(seen, fields=shared_mapping(seen.fields), updated_at=0.0)


@lru_cache(_HELD)
def shared_labels(labels: Labels) -> Labels:
    """Return the label set that stands for all equal ones; label sets that differ share the pairs that are equal."""
    return tuple(_shared_pair(name, value) for name, value in labels)


def shared_mapping(mapping: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the mapping that stands for all equal ones with their items in this order; nobody may change it."""
    return _shared_mapping(tuple(mapping.items()))


@lru_cache(_HELD)
def _shared_mapping(items: tuple[tuple[str, Value], ...]) -> Mapping[str, Value]:
    return dict(items)


@lru_cache(_HELD)
def _shared_pair(name: str, value: str) -> tuple[str, str]:
    return name, value
