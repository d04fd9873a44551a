"""The exporter's own series: they are the same whatever is watched, so they are made and counted."""

from collections.abc import Iterable, Mapping

from exporter import __version__
from exporter.blueking import Reason
from exporter.config import PathSettings
from exporter.estimate.rules import Row
from exporter.flow.observations import Total
from exporter.ledger import View
from exporter.metrics import OWN_FAMILIES, Moment, OwnMetrics, SourceState

OWN = "the exporter's own"


def own_row(sources: Iterable[str], bounds: Mapping[Total, tuple[float, ...]]) -> Row:
    """Return the row of the exporter's own metrics, and of its process's, for these sources."""
    names = tuple(sources)
    own = OwnMetrics(__version__)
    for name in names:
        own.add_source(name, Reason, PathSettings.model_fields)
    moment = Moment(
        at=0.0,
        view=View(bounds, {}, {}, {}),
        watched=frozenset(),
        sources=tuple(map(_well, names)),
        birth_hold=0.0,
    )
    families = [*(family.build(moment) for family in OWN_FAMILIES), *own.collect()]
    series = sum(len(family.samples) for family in families)
    return Row(OWN, series, series, "bkmonitor_flow_exporter_*, process_* and python_info, for each source")


def _well(name: str) -> SourceState:
    """Return the state of a source that is well and tells all there is to tell."""
    return SourceState(
        name, up=True, cycled=True, trouble="", last_success_at=0.0, overdue=0.0, watched={}, timezone_skew=0.0
    )
