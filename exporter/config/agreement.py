"""What the parts of a config owe each other, checked as they were given, so that it is told beside other faults."""

import re
from collections.abc import Collection, Iterator, Mapping
from string import Formatter

from exporter.config.duration import format_duration, read_duration
from exporter.config.fields import chosen_fields
from exporter.config.labels import clashes
from exporter.config.model import Finding, listed, peek
from exporter.config.words import shown

_PLACEHOLDER = re.compile(r"[\w.]{0,24}")


def names_differ(given: Mapping[str, object]) -> Iterator[Finding]:
    """Yield a finding for each source that has the name of an earlier one."""
    taken: dict[str, int] = {}
    for index, source in listed(given.get("sources")):
        name = peek(source, "name")
        if isinstance(name, str) and taken.setdefault(name, index) != index:
            yield ("sources", index, "name"), f"this is the name of sources[{taken[name]}] already"


def labels_differ(given: Mapping[str, object], fields: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each field chosen twice, and for each label of a watch that is one of `fields`."""
    seen: set[object] = set()
    for index, name in chosen_fields(given.get("labels")):
        if isinstance(name, str) and name in seen:
            yield ("labels", index), f"{shown(name)} is given twice"
        seen.add(name if isinstance(name, str) else None)
    for index, source in listed(given.get("sources")):
        for loc, message in clashes(peek(source, "watch"), fields):
            yield ("sources", index, "watch", *loc), message


def retention_outlasts(retention: object, window: object) -> Iterator[Finding]:
    """Yield a finding unless an ended alert is remembered for longer than it could be seen anew, and counted twice."""
    try:
        remembered, seen = read_duration(retention), read_duration(window)
    except ValueError:
        return  # each has its own fault then
    if remembered <= seen:
        told = format_duration(seen)
        yield ("ledger", "retention"), f"expected more than poll.first_seen_window, which is {told}"


def shards_shareable(number: object, url: object) -> Iterator[Finding]:
    """Yield a finding for more than one shard in a ledger that only one exporter can work on."""
    is_shared = isinstance(number, int) and number > 1
    if is_shared and not (isinstance(url, str) and url.startswith("postgresql")):
        yield ("shards",), "more than one needs a ledger that exporters share: a ledger.url of postgresql+psycopg://"


def placeholders_known(template: object, fields: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each placeholder of the alert's address that is none of its labels."""
    try:
        parts = list(Formatter().parse(template)) if isinstance(template, str) else []
    except ValueError:
        return  # the template has its own fault then
    names = {"alert_id": None, "source": None} | dict.fromkeys(fields)
    for name in dict.fromkeys(name for _, name, _, _ in parts if name is not None):
        if name not in names:
            known = ", ".join(f"{{{known}}}" for known in names)
            told = f"{{{name}}}" if _PLACEHOLDER.fullmatch(name) else "in braces"
            yield ("web", "alert_url"), f"unknown placeholder {told}; known are {known}"
