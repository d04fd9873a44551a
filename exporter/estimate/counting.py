"""Counting: all series of the alerts that were seen, and what each label costs. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from exporter.estimate.asking import SeenAlert
from exporter.estimate.rules import RULES, Layout, Row, Scene
from exporter.flow.labels import OTHER, Labels, make_labels

SOURCE = "source"
"""The label that every series of alerts has; no config can drop it."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a label costs: how many values it has, and what would be left without it."""

    name: str
    values: int
    label_sets_without: int
    most_without: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """The series by metric, and the labels, the costliest first."""

    rows: tuple[Row, ...]
    label_sets: int
    open_alerts: int
    labels: tuple[Label, ...]

    @property
    def now(self) -> int:
        """All series as of now."""
        return sum(row.now for row in self.rows)

    @property
    def most(self) -> int:
        """The most series that these label sets and alerts can make."""
        return sum(row.most for row in self.rows)


def estimate(alerts: Collection[SeenAlert], layout: Layout, own: Iterable[Row]) -> Estimate:
    """Return how many series the alerts make; `own` are the rows of the exporter's own metrics."""
    label_sets = {alert.labels for alert in alerts}
    with_target = {labels for labels in label_sets if layout.targets.within(labels) is not None}
    own_rows = tuple(own)
    most = sum(row.most for row in own_rows)
    names = dict.fromkeys(name for alert in alerts for name, _ in alert.labels if name != SOURCE)
    labels = (_cost(name, alerts, layout, with_target, most) for name in names)
    return Estimate(
        rows=(*_flow_rows(alerts, layout, with_target), *own_rows),
        label_sets=len(label_sets),
        open_alerts=sum(alert.is_open for alert in alerts),
        labels=tuple(sorted(labels, key=lambda label: (label.most_without, label.name))),
    )


def _flow_rows(alerts: Collection[SeenAlert], layout: Layout, with_target: Collection[Labels]) -> tuple[Row, ...]:
    admitted = _admitted((alert.labels for alert in alerts), layout.label_sets)
    folded = [SeenAlert(admitted[alert.labels], alert.sighting) for alert in alerts]
    targeted = {
        admitted[labels]
        for labels in with_target
        if admitted[labels] == labels or layout.targets.within(admitted[labels]) is not None
    }
    scene = Scene(folded, layout, targeted)
    return tuple(rule(name, scene) for name, rule in RULES.items())


def _admitted(label_sets: Iterable[Labels], limit: int) -> dict[Labels, Labels]:
    """Return what becomes of each label set: beyond the limit, `other` stands for all values but the source's."""
    admitted: dict[Labels, Labels] = {}
    for labels in dict.fromkeys(label_sets):
        if len(admitted) < limit:
            admitted[labels] = labels
        else:
            admitted[labels] = make_labels({name: value if name == SOURCE else OTHER for name, value in labels})
    return admitted


def _cost(name: str, alerts: Collection[SeenAlert], layout: Layout, with_target: Collection[Labels], own: int) -> Label:
    """Return what a label costs: the series are counted anew without it. Ack targets may match by it; they stay."""
    values = {value for alert in alerts for label, value in alert.labels if label == name}
    fewer = [SeenAlert(_without(alert.labels, name), alert.sighting) for alert in alerts]
    rows = _flow_rows(fewer, layout, {_without(labels, name) for labels in with_target})
    return Label(name, len(values), Scene.sets(fewer), own + sum(row.most for row in rows))


def _without(labels: Labels, name: str) -> Labels:
    return tuple((label, value) for label, value in labels if label != name)
