"""Label sets: the names and values that tell one series from another, in one canonical order."""

from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]
"""Label pairs sorted by name; each name stands once. Equal label sets are equal values.

No value is empty: to Prometheus an empty label is an absent one, so two series that differ by one would be the same.
"""


def make_labels(pairs: Mapping[str, str]) -> Labels:
    """Return `pairs` as a label set; empty values are left out."""
    return tuple(sorted((name, value) for name, value in pairs.items() if value))


def extend(labels: Labels, **more: str) -> Labels:
    """Return `labels` with `more` added; a name in both takes the value in `more`."""
    return make_labels(dict(labels) | more)
