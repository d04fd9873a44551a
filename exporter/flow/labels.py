"""Label sets: the names and values that tell one series from another, in one canonical order."""

from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]
"""Label pairs sorted by name; each name stands once. Equal label sets are equal values."""


def make_labels(pairs: Mapping[str, str]) -> Labels:
    """Return `pairs` as a label set."""
    return tuple(sorted(pairs.items()))


def extend(labels: Labels, **more: str) -> Labels:
    """Return `labels` with `more` added; a name in both takes the value in `more`."""
    return make_labels(dict(labels) | more)
