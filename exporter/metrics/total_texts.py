"""The texts of the families that tell totals: a series is written when its total changes."""

from prometheus_client.core import GaugeMetricFamily

from exporter.ledger import EXEMPLARY, Series, SeriesTotal
from exporter.metrics.blocks import Sections, Table
from exporter.metrics.family import CREATED, Counter, Family, Histogram, Row
from exporter.metrics.lines import sample_line, with_exemplar
from exporter.metrics.moment import Moment
from exporter.metrics.texts import FamilyText, whole

_TEXT, _OPENMETRICS, _CREATED = range(3)


class TotalTexts:
    """The text of one such family. `created_series` is the config's `web.created_series`."""

    def __init__(self, family: Family, told: Counter | Histogram, *, created_series: bool) -> None:
        self.name = family.name
        self._told = told
        self._head = whole(told.empty(family))
        self._created_head = whole(GaugeMetricFamily(family.name + CREATED, family.help)).text
        # The formats differ by exemplars and by where they tell when a series came to be.
        self._are_apart = created_series or told.total in EXEMPLARY
        self._table = Table(3 if self._are_apart else 1)

    def put(self, series: Series, served: SeriesTotal, moment: Moment) -> None:
        """Write a series as it is served."""
        rows = list(self._told.rows(served, moment))
        lines = [self._line(series, row) for row in rows]
        if not self._are_apart:
            self._table.put(series, ("".join(lines),))
            return
        first_created = len(lines) - (rows[-1].suffix == CREATED)
        named = (with_exemplar(line, row.exemplar) for line, row in zip(lines, rows, strict=True))
        self._table.put(series, ("".join(lines[:first_created]), "".join(named), "".join(lines[first_created:])))

    def shown(self) -> FamilyText:
        """Return the text as it stands."""
        text = self._table.sections(_TEXT)
        openmetrics, created = text, Sections()
        if self._are_apart:
            openmetrics, created = self._table.sections(_OPENMETRICS), self._table.sections(_CREATED)
        if created:
            created = self._created_head + created
        return FamilyText(self._head.names, self._head.text + text + created, self._head.openmetrics + openmetrics)

    def _line(self, series: Series, row: Row) -> str:
        name = f"{self.name}{row.suffix}"
        return sample_line(name, series.labels, row.value, None if row.le is None else ("le", row.le))
