"""What the reference in docs/metrics.md tells of a metric beside its name, type and help."""

from dataclasses import dataclass

ALERT_LABELS = "G"
"""Stands for the labels of an alert: `source`, the config's `labels`, and those of its watch."""
MATCHED_LABELS = "those that the target's `match` names"
"""Stands for labels that the config names."""


@dataclass(frozen=True, slots=True)
class Doc:
    """A metric's labels, what it means and when it moves, and a PromQL query that one would ask of it."""

    labels: tuple[str, ...]
    meaning: str
    example: str
