"""The texts of the families that tell alerts, one by one and by label set: written anew where an alert changed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from operator import not_

from prometheus_client.core import GaugeMetricFamily

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.metrics.alert_series import AlertGauge, Alike, Key
from exporter.metrics.blocks import Table
from exporter.metrics.family import Family
from exporter.metrics.lines import sample_line
from exporter.metrics.moment import Moment
from exporter.metrics.open_alerts import OpenGauge, OpenTally
from exporter.metrics.quota import Quota
from exporter.metrics.texts import FamilyText, whole


@dataclass(frozen=True, slots=True)
class Changes:
    """Alerts whose series may have changed: their `keys`, and what is known `now` of each, None where it is not shown.

    `gone` is what was known before of those that were shown then.
    """

    keys: Sequence[Key]
    now: Sequence[KnownAlert | None]
    gone: Sequence[KnownAlert]


class _Gauge:
    """A gauge family whose lines stand in a column of a table."""

    def __init__(self, family: Family, table: Table, column: int) -> None:
        self.name = family.name
        self._head = whole(GaugeMetricFamily(family.name, family.help))
        self._table = table
        self._column = column

    def shown(self) -> FamilyText:
        """Return the text as it stands."""
        sections = self._table.sections(self._column)
        return FamilyText(self._head.names, self._head.text + sections, self._head.openmetrics + sections)


class AlertTexts:
    """The texts of the families with a series for each alert; `make_quota` makes the quota of a family."""

    def __init__(self, families: Sequence[tuple[Family, AlertGauge]], make_quota: Callable[[Family], Quota]) -> None:
        self._table = Table(len(families))
        self._columns = [
            (_Gauge(family, self._table, column), told, make_quota(family))
            for column, (family, told) in enumerate(families)
        ]

    def change(self, changes: Changes, moment: Moment) -> None:
        """Take in what changed up to `moment`."""
        others: dict[Key, None] = {}
        come = _open_among(changes.now)
        values = self._values(come)
        for (_, told, quota), told_values in zip(self._columns, values, strict=True):
            pairs = zip(come, told_values, strict=True)
            new = [known for known, value in pairs if known is not None and value is not None]
            others |= dict.fromkeys(quota.change(told.members(changes.gone), new, partial(_members, told, moment)))
        self._put(changes.keys, come, values)
        rest = _open_among(moment.read_among(others))
        self._put(others, rest, self._values(rest))

    def shown(self) -> Iterator[tuple[str, FamilyText]]:
        """Yield the families' names, each with its text as it stands."""
        return ((gauge.name, gauge.shown()) for gauge, _, _ in self._columns)

    def _values(self, alerts: Sequence[KnownAlert | None]) -> list[list[float | None]]:
        """Return for each family the values of alerts."""
        return [told.values(alerts) for _, told, _ in self._columns]

    def _put(
        self, keys: Collection[Key], alerts: Sequence[KnownAlert | None], values: Iterable[Sequence[float | None]]
    ) -> None:
        """Write alerts anew, and take those out that have a series in no family."""
        kept = [quota.kept(alerts, each) for (_, _, quota), each in zip(self._columns, values, strict=True)]
        nothing = (None,) * len(self._columns)
        is_shown = [row != nothing for row in zip(*kept, strict=True)]
        alike = Alike(list(filter(None, compress(alerts, is_shown))))
        lines = (
            told.lines(gauge.name, alike, compress(each, is_shown))
            for (gauge, told, _), each in zip(self._columns, kept, strict=True)
        )
        for key in compress(keys, map(not_, is_shown)):
            self._table.drop(key)
        self._table.put_all(compress(keys, is_shown), lines)


def _open_among(alerts: Iterable[KnownAlert | None]) -> list[KnownAlert | None]:
    """Return alerts with None in the place of each that is not open."""
    return [known if known is not None and known.is_open else None for known in alerts]


def _members(told: AlertGauge, moment: Moment) -> list[KnownAlert]:
    return told.members(moment.read_alerts())


class OpenTexts:
    """The texts of the families with series for each label set of open alerts."""

    def __init__(self, families: Sequence[tuple[Family, OpenGauge]]) -> None:
        self._tally = OpenTally()
        self._table = Table(len(families))
        self._columns = [(_Gauge(family, self._table, column), told) for column, (family, told) in enumerate(families)]

    def ended(self, labels: Labels) -> None:
        """Note that alerts with these labels have ended."""
        self._tally.ended(labels)

    def change(self, changes: Changes) -> None:
        """Take in what changed."""
        self._tally.change(changes.gone, filter(None, changes.now))
        for labels in self._tally.changed():
            lines = [
                "".join(sample_line(gauge.name, cell, value) for cell, value in told.values(self._tally, labels))
                for gauge, told in self._columns
            ]
            self._table.put(labels, lines)

    def shown(self) -> Iterator[tuple[str, FamilyText]]:
        """Yield the families' names, each with its text as it stands."""
        return ((gauge.name, gauge.shown()) for gauge, _ in self._columns)
