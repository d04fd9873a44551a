"""Ack targets: which alerts must be acknowledged within which time, and how many of them."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

from pydantic import Field

from exporter.config.fields import OTHER, listed_values, severity_fault
from exporter.config.labels import LabelValue
from exporter.config.model import Finding, Model, listed, peek
from exporter.config.scalars import Text, duration, rate

_OWN = "source"


class AckTargetSettings(Model):
    """The time within which alerts of some kind must be acknowledged."""

    match: dict[Text, LabelValue] = Field(default_factory=dict, title="a mapping of names to texts or numbers")
    """Labels that an alert must have, each with its value; without it all alerts match. They are `source`, names under
    `labels`, and names under `labels` of a watch. `severity` is `fatal`, `warning` or `remind`."""
    within: Annotated[float, duration(at_least=1)]
    """How long after its creation somebody must have acknowledged the alert."""
    objective: Annotated[float, rate(at_most=1)] = 0.99
    """The part of the alerts that should be acknowledged in time."""


def targets_reach(given: Mapping[str, object], fields: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each target (not yet validated) that no alert can have."""
    names = {_OWN, *fields, *_watch_labels(given)}
    is_open = _reads_files(given)
    lists = listed_values(given.get("labels"))
    matches: list[dict[str, str]] = []
    for index, target in listed(given.get("ack_targets")):
        match = peek(target, "match")
        pairs = {} if match is None else match
        if not isinstance(pairs, Mapping):
            continue  # it has its own fault then
        for name, value in pairs.items():
            where = ("ack_targets", index, "match", name)
            if name not in names and not (is_open and isinstance(name, str)):
                known = ", ".join(sorted(names))
                yield where, f"no alert has this label; there are {known}"
            elif fault := _value_fault(name, value, fields, lists):
                yield where, fault
        wanted = {str(name): str(value) for name, value in pairs.items()}
        earlier = next((i for i, other in enumerate(matches) if other.items() <= wanted.items()), None)
        if earlier is not None:
            message = f"never reached: ack_targets[{earlier}] matches the same alerts first"
            yield ("ack_targets", index), message
        matches.append(wanted)


def _value_fault(name: str, value: object, fields: Collection[str], lists: Mapping[str, Collection[str]]) -> str:
    """Return why no alert has this value, empty where one may; beyond a limit, any label may be `other`."""
    if str(value) == OTHER:
        return ""
    if name in lists and str(value) not in lists[name]:
        return f"no alert has this value; under labels there are only {', '.join(lists[name])}"
    return severity_fault(value) if name == "severity" and name in fields else ""


def _watch_labels(given: Mapping[str, object]) -> Iterator[str]:
    for watch in _watches(given):
        labels = peek(watch, "labels")
        yield from (name for name in labels if isinstance(name, str)) if isinstance(labels, Mapping) else ()


def _reads_files(given: Mapping[str, object]) -> bool:
    """Whether there are watch files, which may give labels that the config does not name."""
    return any(peek(watch, "files") is not None for watch in _watches(given))


def _watches(given: Mapping[str, object]) -> Iterator[object]:
    for _, source in listed(given.get("sources")):
        yield from (watch for _, watch in listed(peek(source, "watch")))
