"""A selection: the alerts that the watches of a source select, each with its labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.flow.labels import Labels, make_labels


@dataclass(frozen=True, slots=True)
class Selected:
    """What a watch says of an alert: its labels, `source` among them, and the watch."""

    labels: Labels
    watch: str


Selection = Mapping[str, Selected]
"""Selected alerts by id."""


def select(groups: Iterable[tuple[str, Iterable[str], Mapping[str, str]]], base: Mapping[str, str]) -> Selection:
    """Return the selection of (watch, alert ids, labels) groups; the first group that names an alert wins.

    `base` are the labels that every alert of the source has.
    """
    selection: dict[str, Selected] = {}
    for watch, alert_ids, labels in groups:
        selected = Selected(make_labels({**base, **labels}), watch)
        for alert_id in alert_ids:
            selection.setdefault(alert_id, selected)
    return selection
