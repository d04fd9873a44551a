"""The texts of the families that tell alerts, one by one and by label set: written anew where an alert changed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.metrics.alert_series import AlertGauge, Key
from exporter.metrics.blocks import Table
from exporter.metrics.family import Family
from exporter.metrics.lines import sample_line
from exporter.metrics.moment import Moment
from exporter.metrics.open_alerts import OpenGauge, OpenTally
from exporter.metrics.quota import Quota
from exporter.metrics.texts import FamilyText, whole


class Change(NamedTuple):
    """An alert whose series may have changed: as it was shown before, and as it is now; None where it is not shown."""

    key: Key
    before: KnownAlert | None
    after: KnownAlert | None


class _Gauge:
    """A gauge family whose lines stand in a column of a table."""

    def __init__(self, family: Family, table: Table, column: int) -> None:
        self.name = family.name
        self._head = whole(GaugeMetricFamily(family.name, family.help))
        self._table = table
        self._column = column

    def shown(self) -> FamilyText:
        """Return the text as it stands."""
        blocks = self._table.blocks(self._column)
        return FamilyText(self._head.names, self._head.text + blocks, self._head.openmetrics + blocks)


class AlertTexts:
    """The texts of the families with a series for each alert; `make_quota` makes the quota of a family."""

    def __init__(self, families: Sequence[tuple[Family, AlertGauge]], make_quota: Callable[[Family], Quota]) -> None:
        self._table = Table(len(families))
        self._columns = [
            (_Gauge(family, self._table, column), told, make_quota(family))
            for column, (family, told) in enumerate(families)
        ]

    def change(self, changes: Sequence[Change], moment: Moment) -> None:
        """Take in what changed up to `moment`."""
        others: dict[Key, None] = {}
        befores, afters = [before for _, before, _ in changes], [after for _, _, after in changes]
        shown = []
        for _, told, quota in self._columns:
            gone, come = told.among(befores), told.among(afters)
            others |= dict.fromkeys(
                quota.change(list(filter(None, gone)), list(filter(None, come)), partial(_members, told, moment))
            )
            shown.append(come)
        self._put((key for key, _, _ in changes), shown)
        alerts = list(moment.read_among(others))
        self._put(others, [told.among(alerts) for _, told, _ in self._columns])

    def shown(self) -> Iterator[tuple[str, FamilyText]]:
        """Yield the families' names, each with its text as it stands."""
        return ((gauge.name, gauge.shown()) for gauge, _, _ in self._columns)

    def _put(self, keys: Iterable[Key], shown: Sequence[Sequence[KnownAlert | None]]) -> None:
        """Write alerts anew: for each family those with a series, and None in the place of each other one."""
        lines = (
            told.lines(gauge.name, quota.kept(alerts))
            for (gauge, told, quota), alerts in zip(self._columns, shown, strict=True)
        )
        self._table.put_all(zip(keys, zip(*lines, strict=True), strict=True))


def _members(told: AlertGauge, moment: Moment) -> Iterator[KnownAlert]:
    return filter(told.has, moment.read_alerts())


class OpenTexts:
    """The texts of the families with series for each label set of open alerts."""

    def __init__(self, families: Sequence[tuple[Family, OpenGauge]]) -> None:
        self._tally = OpenTally()
        self._table = Table(len(families))
        self._columns = [(_Gauge(family, self._table, column), told) for column, (family, told) in enumerate(families)]

    def ended(self, labels: Labels) -> None:
        """Note that alerts with these labels have ended."""
        self._tally.ended(labels)

    def change(self, changes: Iterable[Change]) -> None:
        """Take in what changed."""
        for _, before, after in changes:
            self._tally.change(before, after)
        for labels in self._tally.changed():
            lines = [
                "".join(sample_line(gauge.name, cell, value) for cell, value in told.values(self._tally, labels))
                for gauge, told in self._columns
            ]
            self._table.put(labels, lines)

    def shown(self) -> Iterator[tuple[str, FamilyText]]:
        """Yield the families' names, each with its text as it stands."""
        return ((gauge.name, gauge.shown()) for gauge, _ in self._columns)
