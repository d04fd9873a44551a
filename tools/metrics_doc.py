"""Writes docs/metrics.md from the tables of metric families and instruments: `python -m tools.metrics_doc`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics_core import Metric

from exporter.flow.observations import Total
from exporter.ledger import View
from exporter.metrics import FLOW_FAMILIES, OWN_FAMILIES, Moment, OwnMetrics
from exporter.metrics.doc import Doc
from exporter.metrics.instruments import INSTRUMENTS

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"

_HEAD = """\
# Metrics

<!-- Written by `make docs` from the tables in exporter/metrics. Change it there. -->

What `/metrics` serves: each metric with its meaning, its labels, and a query that one would ask of it.

- **G** stands for the labels of an alert: `source`, the fields under `labels` in the config (by default `bk_biz_id` and
  `severity`), and those of its watch, such as `team`. They are fixed when the alert is first seen; a label without a
  value is absent.
- **Counters and histograms survive restarts.** A new series is served as 0 until `web.birth_hold` has passed, so that
  `increase()` sees its first event. How things are counted stands in [counting.md](counting.md).
- **A histogram** has the series `_bucket` (with the label `le`), `_sum` and `_count`. With `web.created_series` the
  counters and histograms of alerts have `_created` as well: when they came to be, in unix seconds.
- **With `shards: N`** the metrics of alerts, and `bkmonitor_flow_exporter_records_rejected_total`, have the label
  `shard` as well. Each series is told by the one exporter that has its shard at that moment; one that cannot be certain
  of its shards answers a scrape with 503.
- **Timestamps are exported, not ages:** `time() - x` is the age.
- **How many series** a config would make tells `bkmonitor-flow-exporter estimate`.
"""
_TAIL = """\
## Of the process

The client library adds `python_info` and, on Linux, `process_cpu_seconds_total`, `process_resident_memory_bytes`,
`process_virtual_memory_bytes`, `process_start_time_seconds`, `process_open_fds` and `process_max_fds`, as
[Prometheus names them](https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A metric as the page tells it."""

    name: str
    type: str
    help: str
    doc: Doc

    @property
    def unit(self) -> str:
        """The unit, which the name tells."""
        name = self.name.removesuffix("_total")
        if name.endswith("_timestamp_seconds"):
            return "unix seconds"
        return "seconds" if name.endswith("_seconds") else ""


def flow_entries() -> list[Entry]:
    """Return the metrics that tell of alerts."""
    return [_entry(family.build(_EMPTY), family.doc) for family in FLOW_FAMILIES]


def own_entries() -> list[Entry]:
    """Return the metrics that tell of the exporter; raises KeyError for an instrument that is not in the table."""
    docs = {row.name: row.doc for row in INSTRUMENTS}
    instruments = [metric for metric in OwnMetrics("").collect() if not metric.name.startswith(("process_", "python_"))]
    return [
        *(_entry(family.build(_EMPTY), family.doc) for family in OWN_FAMILIES),
        *(_entry(metric, docs[metric.name]) for metric in instruments),
    ]


def page() -> str:
    """Return docs/metrics.md."""
    return "\n".join(
        [
            _HEAD,
            *_section("Of alerts", flow_entries()),
            *_section("Of the exporter", own_entries()),
            _TAIL,
        ]
    )


_EMPTY = Moment(
    at=0.0,
    view=View(dict.fromkeys(Total, ()), {}, {}, {}),
    watched=frozenset(),
    sources=(),
    birth_hold=0.0,
)


def _entry(metric: Metric, doc: Doc) -> Entry:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return Entry(name, metric.type, metric.documentation, doc)


def _section(title: str, entries: list[Entry]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| metric | type | unit | labels |\n|---|---|---|---|"
    for entry in entries:
        yield f"| [`{entry.name}`](#{entry.name}) | {entry.type} | {entry.unit} | {_labels(entry.doc)} |"
    for entry in entries:
        yield f"\n### `{entry.name}`\n\n**{entry.help}** {entry.doc.meaning}\n\n```promql\n{entry.doc.example}\n```"
    yield ""


def _labels(doc: Doc) -> str:
    return ", ".join(f"`{label}`" if label.islower() and " " not in label else label for label in doc.labels)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
