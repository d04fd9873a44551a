"""What is counted of the alerts that were seen, by hand and by the rules."""

import pytest

from exporter.estimate import Estimate, Row, estimate
from exporter.estimate.asking import SeenAlert
from exporter.estimate.rules import RULES
from exporter.flow.labels import make_labels
from exporter.flow.sightings import Outcome
from exporter.metrics import FLOW_FAMILIES
from tests.estimate.alerts import FATAL_TARGET, layout, seen
from tests.metrics.moments import make_moment


def series(estimated: Estimate) -> dict[str, tuple[int, int]]:
    """Return now and most by metric, without the prefix they share."""
    return {row.metric.removeprefix("bkmonitor_flow_"): (row.now, row.most) for row in estimated.rows}


def test_the_series_are_those_that_one_counts_by_hand() -> None:
    """Two label sets: a fatal one with an open and an acknowledged alert, a warning one whose only alert recovered."""
    alerts = [
        seen("fatal"),
        seen("fatal", is_acked=True),
        seen("warning", outcome=Outcome.RECOVERED),
    ]

    assert series(estimate(alerts, layout(FATAL_TARGET), [])) == {
        "records_total": (4 + 4, 2 * 19),  # CREATE, CONVERGE, ACTION and ACK; the same with RECOVER for ACK
        "anomaly_count": (2, 2),
        "time_to_ack_seconds": (5, 2 * 5),  # two bounds, +Inf, count, sum
        "time_to_first_action_seconds": (2 * 4, 2 * 4),
        "time_to_end_seconds": (6, 2 * 2 * 6),
        "alerts_ended_total": (1, 2 * 3 * 2),
        "ack_deadlines_total": (3, 3),
        "ack_target_seconds": (1, 1),
        "open_alerts": (2 * 4, 2 * 4),
        "oldest_unacked_timestamp_seconds": (1, 2),
        "unacked_since_timestamp_seconds": (1, 2),
        "alert_info": (2, 2),
    }


def test_a_shielded_alert_waits_for_nobody_and_has_no_action() -> None:
    """It is open, and makes no gauge of waiting."""
    told = series(estimate([seen("fatal", is_shielded=True)], layout(), []))

    assert told["unacked_since_timestamp_seconds"] == (0, 1)
    assert told["oldest_unacked_timestamp_seconds"] == (0, 1)
    assert told["time_to_first_action_seconds"] == (0, 4)
    assert told["records_total"] == (2, 19)


def test_what_only_a_list_names_counts_as_open() -> None:
    """Nothing is known of it, so the estimate is rather too high than too low."""
    told = series(estimate([SeenAlert(make_labels({"source": "prod"}))], layout(), []))

    assert told["alert_info"] == (1, 1)
    assert told["unacked_since_timestamp_seconds"] == (1, 1)


def test_the_limit_of_per_alert_series_caps_each_metric_of_alerts() -> None:
    """Beyond it open alerts get no series of their own; label sets are counted all the same."""
    told = series(estimate([seen("fatal", str(n)) for n in range(5)], layout(alert_series=3), []))

    assert told["alert_info"] == told["anomaly_count"] == told["unacked_since_timestamp_seconds"] == (3, 3)
    assert told["open_alerts"] == (20, 20)


def test_label_sets_beyond_the_limit_are_counted_as_one() -> None:
    """In it all values are other, so it has no target of fatal alerts; how many there would be is told all the same."""
    alerts = [seen("fatal", str(n)) for n in range(5)]
    estimated = estimate(alerts, layout(FATAL_TARGET, label_sets=2), [])

    assert estimated.label_sets == 5
    assert series(estimated)["open_alerts"] == (3 * 4, 3 * 4)
    assert series(estimated)["ack_deadlines_total"] == (2 * 3, 2 * 3)


def test_created_series_are_one_more_for_each_counter_and_histogram() -> None:
    """The series of the first cycle have none, for they began with history."""
    plain = series(estimate([seen("fatal")], layout(FATAL_TARGET), []))
    created = series(estimate([seen("fatal")], layout(FATAL_TARGET, created=True), []))

    assert {name: most - plain[name][1] for name, (_, most) in created.items() if most != plain[name][1]} == {
        "records_total": 19,
        "time_to_ack_seconds": 1,
        "time_to_first_action_seconds": 1,
        "time_to_end_seconds": 2,
        "alerts_ended_total": 6,
        "ack_deadlines_total": 3,
    }
    assert [now for now, _ in created.values()] == [now for now, _ in plain.values()]


def test_the_label_that_costs_most_comes_first() -> None:
    """Each label with its values, and with what would be left without it: as if the config did not choose it."""
    alerts = [seen(severity, f"strategy {n}") for severity in ("fatal", "warning") for n in range(10)]
    alerts.append(SeenAlert(make_labels({"source": "prod", "severity": "fatal", "strategy_name": "a", "team": "t"})))
    estimated = estimate(alerts, layout(FATAL_TARGET), [Row("own", 7, 7, "")])

    assert [(label.name, label.values, label.label_sets_without) for label in estimated.labels] == [
        ("strategy_name", 11, 3),
        ("severity", 2, 11),
        ("team", 1, 21),
    ]
    without = [SeenAlert(tuple(p for p in a.labels if p[0] != "team"), a.sighting) for a in alerts]
    assert estimated.labels[2].most_without == estimate(without, layout(FATAL_TARGET), [Row("own", 7, 7, "")]).most


def test_a_label_that_targets_match_may_go_and_the_deadlines_stay() -> None:
    """What a label costs is told apart from what its targets do: they are the user's to rewrite."""
    estimated = estimate([seen("fatal"), seen("warning")], layout(FATAL_TARGET), [])
    severity = next(label for label in estimated.labels if label.name == "severity")

    target, per_label_set = 3 + 1, 19 + 5 + 4 + 12 + 6 + 4 + 1
    assert severity.most_without == target + per_label_set + 3 * 2


@pytest.mark.parametrize("alerts", [[], [seen("fatal")]])
def test_now_is_never_more_than_most(alerts: list[SeenAlert]) -> None:
    """Nothing watched makes no series but the exporter's own."""
    estimated = estimate(alerts, layout(), [Row("own", 7, 7, "")])

    assert all(row.now <= row.most for row in estimated.rows)
    assert estimated.now >= 7
    assert bool(alerts) or estimated.most == 7


def test_every_flow_family_has_a_rule() -> None:
    """A family that is new to the table is to be counted as well, in the same order."""
    built = [family.build(make_moment()) for family in FLOW_FAMILIES]

    assert list(RULES) == [f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in built]
