"""Pieces of PromQL and of Go templates: selectors, quoted texts, numbers, and what all expressions share."""

import json
from collections.abc import Mapping

ALERT_KEYS = "job, instance, source, shard"
"""By what the gauges of alerts are joined with each other: where there is no label, none is compared."""
MEMBER_KEYS = "job, instance, source"
"""By what these are joined to an exporter's own gauges of a source, which are of all the shards that it has."""
SHARD_KEYS = "job, source, shard"
SOURCE_KEYS = "job, source"
REPLICA_LABELS = "instance, pod"
"""What tells two replicas of one exporter from each other; all other labels tell series apart."""
MEMBERS = "bkmonitor_flow_exporter_members"


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


def all_shards(expr: str, *others: str) -> str:
    """Return `expr`, which is of alerts, for all shards together, and without the labels `others`.

    Each shard counts once, as long as two exporters seem to have it: the last sample of the one, the first of the next.
    """
    return call(f"sum without ({', '.join([*others, 'shard'])})", one_replica(expr))


def all_exporters(gauge: str, keys: str, selected: str = "") -> str:
    """Return an exporter's own gauge by `keys`: that of members adds up, of replicas the greatest counts.

    `selected` are the matchers of the exporters, in braces.
    """
    return f"sum by ({keys}) ({gauge} and on (job, instance) {MEMBERS}{selected} > 1)\nor\n  max by ({keys}) ({gauge})"


def verbatim(text: str) -> str:
    """Return `text` for a template that is to show it as it is."""
    return text.replace("{", '{{ "{" }}')
