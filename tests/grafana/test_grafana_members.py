"""The dashboards on several exporters with one ledger: what each of them tells, and what only one of them does."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.dashboards import bundled
from grafana.queries import everything, filled, queries
from tests.rules.documents import promtool

# Two members, the second of which was behind for ten minutes; for a scrape both tell the alerts of shard 1.
SERIES = """\
exporter_members{instance="a"} 2x40
exporter_members{instance="b"} 2x40
exporter_watched_alerts{instance="a",source="prod",state="open"} 3x40
exporter_watched_alerts{instance="b",source="prod",state="open"} 4x40
exporter_last_success_timestamp_seconds{instance="a",source="prod"} 0+60x40
exporter_last_success_timestamp_seconds{instance="b",source="prod"} 0+60x20 1200x20
open_alerts{instance="a",source="prod",shard="0",acked="false",shielded="false"} 3x40
open_alerts{instance="a",source="prod",shard="1",acked="false",shielded="false"} 4x5 stale
open_alerts{instance="b",source="prod",shard="1",acked="false",shielded="false"} _x5 4x35
records_total{instance="shared",source="prod",shard="1",operate="CREATE"} 0x4 4x36
unacked_since_timestamp_seconds{instance="b",source="prod",shard="1",alert_id="7"} 60x40
"""


@pytest.mark.parametrize(
    ("board", "panel", "at", "shown"),
    [
        ("alert-response", "Waiting now", "5m", [("{}", 7)]),
        ("alert-response", "Waiting now", "30m", [("{}", 7)]),
        ("alert-response", "Data are as old as", "20m", [("{}", 0)]),
        ("alert-response", "Data are as old as", "30m", [("{}", 600)]),
        ("alert-response", "Alerts that nobody acknowledged", "30m", [('{source="prod",alert_id="7"}', 1740)]),
        ("alert-flow", "Created", "30m", [("{}", 4)]),
        ("exporter-health", "Watched alerts", "30m", [('{state="open"}', 7)]),
    ],
)
def test_what_members_tell_adds_up(
    board: str, panel: str, at: str, shown: list[tuple[str, float]], tmp_path: Path
) -> None:
    """Each shard counts once, also while two tell of it; what is known is as old as what the last of them knows."""
    dashboard = bundled()[f"{board}.json"]
    query = next(query for query in queries(dashboard) if query.panel == panel)
    expr = filled(query.expr, {**everything(dashboard), "__range": "1h"})
    expected = [{"labels": labels, "value": value} for labels, value in shown]
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f'bkmonitor_flow_{name}{{job="flow",{labels}', "values": values}
            for name, labels, values in re.findall(r"(\w+)\{(\S+) (.+)", SERIES)
        ],
        "promql_expr_test": [{"expr": expr, "eval_time": at, "exp_samples": expected}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))

    assert promtool("test", "rules", tmp_path / "test.yml") == ""
