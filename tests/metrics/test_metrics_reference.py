"""docs/metrics.md: it is what the tables say, its queries are PromQL, and its labels are those that are served."""

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from exporter.metrics import FLOW_FAMILIES, OWN_FAMILIES, OwnMetrics
from exporter.metrics.doc import ALERT_LABELS, MATCHED_LABELS
from exporter.metrics.instruments import INSTRUMENTS
from tests.metrics.moments import G, make_moment
from tools.metrics_doc import PAGE, Entry, flow_entries, own_entries, page

ENTRIES = [*flow_entries(), *own_entries()]


def test_the_page_is_what_the_tables_say() -> None:
    """`make docs` writes it; whoever changes a row writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_row_is_on_the_page_once() -> None:
    """No metric is left out, and no row of the instruments' table is without its instrument."""
    assert len(ENTRIES) == len({entry.name for entry in ENTRIES})
    assert len(ENTRIES) == len(FLOW_FAMILIES) + len(OWN_FAMILIES) + len(INSTRUMENTS)


def test_every_query_is_promql(tmp_path: Path) -> None:
    """Prometheus's own parser takes each of them, and ack-times.md's as well."""
    ack_times = (PAGE.parent / "ack-times.md").read_text()
    queries = [entry.doc.example for entry in ENTRIES] + re.findall(r"```promql\n(.*?)```", ack_times, re.DOTALL)
    rules = [{"record": f"example:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"groups": [{"name": "examples", "rules": rules}]}))

    checked = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)

    assert len(queries) == len(ENTRIES) + 1
    assert (checked.returncode, f"SUCCESS: {len(queries)} rules found" in checked.stdout) == (0, True), checked


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_query_asks_of_its_own_metric_and_of_no_label_that_is_not_there(entry: Entry) -> None:
    """Metrics are spelt as they are served; labels are the metric's, or those that a default config gives alerts."""
    served = {
        f"{other.name}{suffix}": set(other.doc.labels) | ({"le"} if suffix == "_bucket" else set())
        for other in ENTRIES
        for suffix in (("_bucket", "_sum", "_count") if other.type == "histogram" else ("",))
    }
    asked = set(re.findall(r"bkmonitor_flow_\w+", entry.doc.example))
    known = set().union(*(served[name] for name in asked)) | {"source", "bk_biz_id", "severity"}
    labels = {
        label.strip()
        for group in re.findall(r"(?:by|on|group_left) \(([^)]*)\)", entry.doc.example)
        for label in group.split(",")
    } | set(re.findall(r"(\w+)=~?\"", entry.doc.example))

    assert any(name.startswith(entry.name) for name in asked)
    assert labels <= known


def built() -> Iterator[Metric]:
    """Yield every family with samples of every kind."""
    own = OwnMetrics("1.2.3")
    own.add_source("prod", ["upstream"], ["get_event_log"])
    yield from (family.build(make_moment()) for family in (*FLOW_FAMILIES, *OWN_FAMILIES))
    yield from (metric for metric in own.collect() if metric.name.startswith("bkmonitor_"))


def test_the_labels_are_those_that_are_served() -> None:
    """What the table says of labels holds for the samples of each family."""
    served: dict[str, set[str]] = defaultdict(set)
    for metric in built():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        served[name].update(label for sample in metric.samples for label in sample.labels if label != "le")

    of_alerts = {name for name, _ in G}
    for entry in ENTRIES:
        told = {label for label in entry.doc.labels if label not in (ALERT_LABELS, MATCHED_LABELS)}
        more = of_alerts if ALERT_LABELS in entry.doc.labels else set()
        more |= {"severity"} if MATCHED_LABELS in entry.doc.labels else set()
        assert served[entry.name] == told | more, entry.name


def test_units_come_from_the_names() -> None:
    """Seconds, unix seconds, or none."""
    units = {entry.name.removeprefix("bkmonitor_flow_"): entry.unit for entry in ENTRIES}

    assert units["time_to_ack_seconds"] == units["exporter_throttled_seconds_total"] == "seconds"
    assert units["oldest_unacked_timestamp_seconds"] == "unix seconds"
    assert units["records_total"] == ""
