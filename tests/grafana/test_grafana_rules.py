"""The dashboards keep the rules of grafana/dashboard-linter, and some of our own; each test has the rule's name."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from exporter.dashboards import bundled
from exporter.metrics import FLOW_FAMILIES
from grafana.queries import label_values, panels, queries
from tools.metrics_doc import flow_entries, own_entries

# Those of Grafana's units that we use; the linter has the whole list.
UNITS = {"none", "s", "percentunit", "bool_yes_no", "ops", "reqps", "bytes", "dateTimeFromNow"}
_METRIC = re.compile(r"\b((?:bkmonitor_flow|process)_\w+)\b(\{[^}]*\})?")
_COUNTER = re.compile(r"(\w+\()?\b(?:bkmonitor_flow|process)_\w+(?:_total|seconds_count|_sum|_bucket)\{")
_RATE = re.compile(r"\bi?rate\([^\[]+\[([^\]]+)\]")

every_dashboard = pytest.mark.parametrize("dashboard", [pytest.param(d, id=name) for name, d in bundled().items()])


def variable(dashboard: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a variable of a dashboard."""
    (found,) = [one for one in dashboard["templating"]["list"] if one["name"] == name]
    return dict(found)


@every_dashboard
def test_template_datasource(dashboard: dict[str, Any]) -> None:
    """The data source is a variable of the usual name."""
    source = variable(dashboard, "datasource")

    assert (source["type"], source["query"], source["label"]) == ("datasource", "prometheus", "Data source")


@every_dashboard
@pytest.mark.parametrize(("name", "label"), [("job", "Job"), ("instance", "Instance")])
def test_template_job_and_instance(name: str, label: str, dashboard: dict[str, Any]) -> None:
    """Job and instance can be chosen, several at once, all by default."""
    found = variable(dashboard, name)

    assert (found["type"], found["label"], found["multi"], found["includeAll"]) == ("query", label, True, True)
    assert (found["allValue"], found["datasource"]["uid"]) == (".+", "${datasource}")


@every_dashboard
def test_template_label_promql_and_reload(dashboard: dict[str, Any]) -> None:
    """Variables that ask for the values of a label ask for one that they are named after, anew for each time range."""
    for found in dashboard["templating"]["list"]:
        if found["type"] == "query":
            asked = label_values(found)
            assert asked is not None
            assert asked[1] == found["name"]
            assert found["refresh"] == 2


@every_dashboard
def test_panel_datasource_title_description_units(dashboard: dict[str, Any]) -> None:
    """Each panel uses the data source variable, says what it shows in which unit, and why it may be empty."""
    for panel in panels(dashboard):
        defaults = panel["fieldConfig"]["defaults"]
        overridden = {
            p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "unit"
        }
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert defaults["noValue"]
        assert {defaults["unit"], *overridden} - {"string"} <= UNITS


@every_dashboard
def test_target_job_and_instance(dashboard: dict[str, Any]) -> None:
    """Every selector has the matchers of job and instance."""
    for query in queries(dashboard):
        selectors = _METRIC.findall(query.expr)
        assert selectors
        for _, matchers in selectors:
            assert 'job=~"$job"' in matchers
            assert 'instance=~"$instance"' in matchers


@every_dashboard
def test_target_rate_interval_and_counter_agg(dashboard: dict[str, Any]) -> None:
    """A rate is over $__rate_interval, and no counter is looked at but through its rate or increase."""
    for query in queries(dashboard):
        assert set(_RATE.findall(query.expr)) <= {"$__rate_interval"}
        assert set(_COUNTER.findall(query.expr)) <= {"rate(", "increase("}


@every_dashboard
def test_uneditable(dashboard: dict[str, Any]) -> None:
    """A dashboard that files provide cannot be edited as if that lasted."""
    assert dashboard["editable"] is False


@every_dashboard
def test_queries_of_a_panel_have_names_of_their_own(dashboard: dict[str, Any]) -> None:
    """Grafana tells the queries of a panel apart by their names, and panels by their ids."""
    for panel in panels(dashboard):
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert ids == list(range(1, len(ids) + 1))


@every_dashboard
def test_panels_lie_beside_each_other(dashboard: dict[str, Any]) -> None:
    """No panel covers another or leaves the grid of 24 columns; each line of panels is full."""
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [{(x, y) for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])} for p in places]

    assert [pair for pair in combinations(cells, 2) if pair[0] & pair[1]] == []
    taken = set().union(*cells)
    assert taken == {(x, y) for x in range(24) for y in range(max(y for _, y in taken) + 1)}


@every_dashboard
def test_links_lead_to_the_other_dashboards(dashboard: dict[str, Any]) -> None:
    """From each dashboard to the others, with the time range and what is chosen."""
    (link,) = [link for link in dashboard["links"] if link["type"] == "dashboards"]

    assert (link["includeVars"], link["keepTime"]) == (True, True)
    assert set(link["tags"]) <= set(dashboard["tags"])


def test_every_metric_is_one_of_ours_and_shown() -> None:
    """No query asks for what the exporter has not, and each flow metric is on some dashboard."""
    text = json.dumps(bundled())
    asked = {
        name
        for dashboard in bundled().values()
        for query in queries(dashboard)
        for name, _ in _METRIC.findall(query.expr)
    }
    plain = {re.sub("_(bucket|count|sum)$", "", name) for name in asked if not name.endswith("anomaly_count")}
    known = {entry.name for entry in (*flow_entries(), *own_entries())}

    assert {name for name in plain if not name.startswith("process_")} <= known
    assert {family.name for family in FLOW_FAMILIES if family.name not in text} == set()
