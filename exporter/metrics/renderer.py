"""The renderer: writes what changed since the last moment, and leaves what did not."""

from collections.abc import Callable
from functools import partial

from prometheus_client.registry import Collector

from exporter.metrics.alert_series import Key
from exporter.metrics.families import FLOW_FAMILIES, OWN_FAMILIES
from exporter.metrics.family import Family
from exporter.metrics.flow_texts import FlowTexts
from exporter.metrics.moment import Moment
from exporter.metrics.quota import Quota
from exporter.metrics.snapshot import Snapshot
from exporter.metrics.texts import WholeTexts

CountDropped = Callable[[str, int], None]


class Renderer:
    """Makes a snapshot of each moment; used by one thread.

    `own` tells of this process. `count_dropped` gets how many alerts more have no series in a family, for the limit's
    sake; each counts once until it rests.
    """

    def __init__(self, own: Collector, count_dropped: CountDropped = lambda _family, _alerts: None) -> None:
        self._own = own
        self._count_dropped = count_dropped
        self._dropped: dict[str, set[Key]] = {}
        self._whole = WholeTexts()
        self._flow: FlowTexts | None = None

    def render(self, moment: Moment) -> Snapshot:
        """Return the snapshot of a moment."""
        flow = self._flow
        if flow is None or not flow.can_go_on_to(moment):
            flow = self._flow = FlowTexts(moment, self._quota)
        written = flow.go_on_to(moment)
        for counted in self._dropped.values():
            counted.difference_update([key for key in counted if key not in moment.view.alerts])
        texts = [
            written.get(family.name) or self._whole.write(family.build(moment))
            for family in (*FLOW_FAMILIES, *OWN_FAMILIES)
        ]
        texts.extend(map(self._whole.write, self._own.collect()))
        return Snapshot(moment, flow.newborn, texts)

    def _quota(self, family: Family, limit: int) -> Quota:
        counted = self._dropped.setdefault(family.name, set())
        return Quota(limit, partial(self._count_dropped, family.name), counted)
