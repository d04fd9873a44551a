"""Alerts that were seen, and what a config says of their series, made by hand."""

from exporter.estimate import Layout
from exporter.estimate.asking import SeenAlert
from exporter.flow.deadlines import NO_TARGETS, AckTarget, AckTargets
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.flow.sightings import Sighting

BOUNDS = {
    Total.TIME_TO_ACK: (60.0, 300.0),
    Total.TIME_TO_FIRST_ACTION: (60.0,),
    Total.TIME_TO_END: (60.0, 300.0, 900.0),
}
FATAL_TARGET = AckTargets([AckTarget({"severity": "fatal"}, 300.0, 0.99)])


def layout(
    targets: AckTargets = NO_TARGETS, *, alert_series: int = 2000, label_sets: int = 10_000, created: bool = False
) -> Layout:
    """Return what a config with these targets and limits says."""
    return Layout(BOUNDS, targets, alert_series, label_sets, created)


def seen(severity: str, strategy: str = "disk", **more: object) -> SeenAlert:
    """Return an alert that a search found."""
    labels = make_labels({"source": "prod", "severity": severity, "strategy_name": strategy})
    return SeenAlert(labels, Sighting("1", **more))  # type: ignore[arg-type] # fields by name
