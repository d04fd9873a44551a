"""Pieces of PromQL and of Go templates: selectors, quoted texts, numbers, and what all expressions share."""

import json
from collections.abc import Mapping

ALERT_KEYS = "job, instance, source, shard"
"""By what the gauges of a source's alerts are joined to the source's own: where there is no label, none is compared."""
SOURCE_KEYS = "job, source, shard"
REPLICA_LABELS = "instance, pod"
"""What tells two replicas of one exporter from each other; all other labels tell series apart."""


def quoted(text: str) -> str:
    """Return `text` as a string of PromQL; it has the escapes of Go, of which JSON's are a part."""
    return json.dumps(text, ensure_ascii=False)


def selector(metric: str, equal: Mapping[str, str], *others: str) -> str:
    """Return the series of `metric` with the labels in `equal`; `others` are matchers as PromQL writes them."""
    matchers = [*others, *(f"{name}={quoted(value)}" for name, value in equal.items())]
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def number(value: float) -> str:
    """Return a number as people write it, without what a computer adds to it."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def indented(expr: str, by: int = 2) -> str:
    """Return an expression with each line moved in."""
    return "\n".join(f"{' ' * by}{line}" for line in expr.splitlines())


def call(function: str, *arguments: str) -> str:
    """Return a call, each argument on a line of its own; `function` may end in a grouping such as `sum by (job)`."""
    inner = ",\n".join(indented(argument) for argument in arguments)
    return f"{function} (\n{inner}\n)" if " " in function else f"{function}(\n{inner}\n)"


def one_replica(expr: str) -> str:
    """Return `expr` without the labels of replicas: two that tell the same are one."""
    return call(f"max without ({REPLICA_LABELS})", expr)


def verbatim(text: str) -> str:
    """Return `text` for a template that is to show it as it is."""
    return text.replace("{", '{{ "{" }}')
