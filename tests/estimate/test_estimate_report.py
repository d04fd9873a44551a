"""The report: what it warns of, and what it says as JSON."""

import json
from collections import Counter

import pytest

from exporter.estimate import SeenSource, as_json, as_text, estimate
from exporter.estimate.asking import SeenAlert
from exporter.flow.labels import make_labels
from tests.estimate.alerts import layout, seen

LIMIT_OF_ALERTS = (
    "limits.alert_series (1) bites: there are 2 open alerts, and the newest would have no series of their own; search "
    "for fewer, or raise the limit"
)
LIMIT_OF_LABEL_SETS = (
    "limits.label_sets (1) bites: there are 2 label sets, and 1 of them would be counted as other; drop a label, list "
    "its values under only, or raise the limit"
)


@pytest.mark.parametrize(
    ("source", "warning"),
    [
        (SeenSource("a", (seen("fatal"),), troubles=("no",)), "a: not all alerts were seen, the estimate is too low"),
        (
            SeenSource("a", (seen("fatal"),), is_complete=False),
            "a: the answers did not tell of all alerts, the estimate is too low",
        ),
        (
            SeenSource("a", (seen("fatal"),), rejected=Counter(search_row=3)),
            "a: 3 row(s) of the answers could not be read (search_row)",
        ),
        (SeenSource("a"), "a: the watches select no alert now, so nothing can be said of the series to come"),
    ],
)
def test_what_was_not_seen_is_a_warning(source: SeenSource, warning: str) -> None:
    """An estimate that may be too low says so, at its end."""
    lines = list(as_text(estimate(source.alerts, layout(), []), [source], layout(), 3600))

    assert [line for line in lines if line.startswith("warning")] == [f"warning: {warning}"]
    assert lines[-1] == f"warning: {warning}"


@pytest.mark.parametrize(("most", "warnings"), [(1, [LIMIT_OF_LABEL_SETS, LIMIT_OF_ALERTS]), (2, [])])
def test_a_limit_is_named_where_it_bites(most: int, warnings: list[str]) -> None:
    """With the number that there are, and what can be done; a limit that is just reached takes nothing away."""
    alerts = (seen("fatal"), seen("warning"))
    limits = layout(alert_series=most, label_sets=most)

    told = as_json(estimate(alerts, limits, []), [SeenSource("prod", alerts)], limits, 3600)
    assert told["warnings"] == warnings


def test_the_json_has_all_that_the_table_has() -> None:
    """Sources, metrics, total, labels, and the assumptions under which they are counted."""
    listed = SeenAlert(make_labels({"source": "prod"}))
    alerts = (seen("fatal"), listed)
    estimated = estimate(alerts, layout(), [])
    told = json.loads(json.dumps(as_json(estimated, [SeenSource("prod", alerts, searches=1)], layout(), 3600)))

    assert told["sources"] == [
        {"source": "prod", "alerts": 2, "open_alerts": 2, "searches": 1, "window_seconds": 3600, "troubles": []}
    ]
    assert told["label_sets"] == 2
    assert told["total"] == {"now": estimated.now, "most": estimated.most}
    assert sum(row["most"] for row in told["metrics"]) == estimated.most
    assert [label["label"] for label in told["labels"]] == ["severity", "strategy_name"]
    assert told["labels"][0]["without"]["label_sets"] == 2
    assert told["assumptions"]
