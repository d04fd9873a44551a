"""The text of a family in both formats, in blocks; and that of families that are written whole each time."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from prometheus_client.exposition import generate_latest as text_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.registry import Collector

from exporter.metrics.blocks import Section, Sections, join

_EOF = b"# EOF\n"
_SUFFIXES = {"counter": ("_total", "_created"), "histogram": ("_bucket", "_count", "_sum", "_created")}

END = Section.of(_EOF)
"""The end of an exposition in OpenMetrics."""


class Format(Enum):
    """An exposition format, by its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class FamilyText:
    """A family's text in both formats. `names` are those by which it may be asked for: its own and its samples'."""

    names: frozenset[str]
    text: Sections
    openmetrics: Sections

    def sections(self, format_: Format) -> Sections:
        """Return the text in a format."""
        return self.text if format_ is Format.TEXT else self.openmetrics


def whole(metric: Metric) -> FamilyText:
    """Return the text of a family as the client library's encoders write it."""
    one = _One(metric)
    text, openmetrics = text_latest(one), openmetrics_latest(one).removesuffix(_EOF)
    names = (metric.name + suffix for suffix in ("", *_SUFFIXES.get(metric.type, ())))
    return FamilyText(frozenset(names), (Section.of(text),), (Section.of(openmetrics),))


class WholeTexts:
    """Families that are written whole each time: a few series each. What says the same as before stays what it was."""

    def __init__(self) -> None:
        self._last: dict[str, FamilyText] = {}

    def write(self, metric: Metric) -> FamilyText:
        """Return the text of a family."""
        new, last = whole(metric), self._last.get(metric.name)
        if last is not None and _same(last.text, new.text) and _same(last.openmetrics, new.openmetrics):
            return last
        self._last[metric.name] = new
        return new


def _same(one: Sections, other: Sections) -> bool:
    return join(one) == join(other)


class _One(Collector):
    """One family, in the shape that the client library's encoders take."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return (self._metric,)
