"""How Prometheus scrapes several exporters with one ledger: what it takes as one series, whoever tells it."""

import re
from typing import Any

import yaml

from exporter.metrics.families import FLOW_FAMILIES, OWN_FAMILIES
from tests.metrics.moments import make_moment
from tests.rules.documents import PROMETHEUS, TOP

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def relabelling() -> dict[str, Any]:
    """Return the one relabelling of the example."""
    (job,) = yaml.safe_load((PROMETHEUS / "prometheus.example.yml").read_text(encoding="utf-8"))["scrape_configs"]
    (config,) = job["metric_relabel_configs"]
    return dict(config)


def test_counters_and_histograms_of_shards_are_one_series_and_nothing_else_is() -> None:
    """Gauges keep who told them, as does whatever has no shard."""
    metrics = [family.build(make_moment()) for family in (*FLOW_FAMILIES, *OWN_FAMILIES)]
    names = {f"{metric.name}{suffix}": metric.type for metric in metrics for suffix in SUFFIXES[metric.type]}
    pattern = re.compile(relabelling()["regex"])

    taken = {name for name in names if pattern.fullmatch(f"{name};7")}
    assert taken == {name for name, kind in names.items() if kind != "gauge"}
    assert len(taken) > 10
    assert [name for name in names if pattern.fullmatch(f"{name};")] == []


def test_the_docs_show_the_relabelling_of_the_example() -> None:
    """Whoever copies either gets the same."""
    text = (TOP / "docs" / "rules.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(metric_relabel_configs:.+?)```", text, re.DOTALL)

    assert yaml.safe_load(shown) == {"metric_relabel_configs": [relabelling()]}


def test_the_monitor_relabels_as_the_example_does_and_takes_the_pod_as_well() -> None:
    """The operator writes keys in another way, and gives its targets one more label that tells them apart."""
    monitor = yaml.safe_load((TOP / "deploy" / "kubernetes" / "servicemonitor.yaml").read_text(encoding="utf-8"))
    (endpoint,) = monitor["spec"]["endpoints"]

    example = {re.sub("_(.)", lambda m: m[1].upper(), key): value for key, value in relabelling().items()}
    assert endpoint["metricRelabelings"] == [example, {**example, "targetLabel": "pod"}]
