"""The dashboard Alert response: do people react, how fast, and who is waited for now."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from exporter.dashboards.fitting import BUDGET, PAST, ack_steps, budget_name, target_legend
from exporter.dashboards.links import BUNDLED_ALERT
from exporter.dashboards.outlook import BUNDLED
from exporter.dashboards.queries import RANGE, budget_left, matchers, past_target
from exporter.rules.promql import ALERT_KEYS, MEMBER_KEYS, indented
from grafana.expressions import QUANTILES, STEP, WINDOW, alerts, count, grouped, now, quantile, ratio
from grafana.panels import (
    ALERT_COLUMNS,
    Figure,
    bars,
    bars_beside,
    buckets,
    coloured,
    column,
    dashed,
    instant,
    lines,
    link,
    over_time,
    overview,
    rows,
)
from grafana.variables import alert_page

_WAITING = ('acked="false"', 'shielded="false"')
_ACK_STEPS = [(step["value"], step["color"]) for step in ack_steps(BUNDLED.targets)]
_PAST_TARGET = past_target(BUNDLED.targets, matchers(BUNDLED.labels))
_PAST_STEPS = [(None, "green"), (0, "red")]
_GOOD = [(None, "red"), (0.8, "orange"), (0.95, "green")]
_BUDGET = [(None, "red"), (0.0, "orange"), (0.25, "green")]
_DEADLINES = "ack_deadlines_total"
_JUDGED = 'result=~"met|missed"'
_RESULTS = {"met": "green", "missed": "red", "ended": "#6E7681"}
_NO_ACK = "No acknowledgement in this range"
_NO_DEADLINE = "No deadline passed in this range"
_NOBODY = "No alert waits for anybody"
_QUANTILES_TOLD = (
    "Creation to first ACK: so fast were 50, 90 and 99 % of the acknowledgements in the whole range shown."
    " Read from buckets: between two bounds it is a guess. Alerts that nobody acknowledged are not in it."
)
_SPARSE = "Counted over the whole range shown: alerts are too few for a rate at each moment to mean anything."


def response() -> Dashboard:
    """Return the dashboard."""
    board = alert_page(
        "bkmonitor-flow-response",
        "BlueKing alert response",
        "How fast people acknowledge BlueKing alerts, whether in time, and which alerts wait for somebody now.",
        "24h",
    )
    overview(board, *_present(), *_range_shown())
    _times(board)
    _deadlines(board)
    _waiting(board)
    _groups(board)
    return board


def _present() -> list[Figure]:
    return [
        Figure(
            "Waiting now",
            instant(f"sum({now('open_alerts', *_WAITING)})", "waiting"),
            "Open alerts that nobody acknowledged and that are not shielded.",
            "No alert watched yet",
            steps=[(None, "green"), (1, "orange")],
        ),
        Figure(
            "Past their target now",
            instant(f"sum((\n{_PAST_TARGET}\n) > bool 0)", "past", PAST),
            "Alerts among them whose ack target has passed. Only alerts that have a target count.",
            "None waits with a target",
            steps=[(None, "green"), (1, "red")],
        ),
        Figure(
            "Oldest waits for",
            instant(f"time() - min({now('oldest_unacked_timestamp_seconds')})", "oldest"),
            "Age of the oldest open alert that nobody acknowledged. Colours: the shortest and the longest target.",
            _NOBODY,
            unit="s",
            steps=_ACK_STEPS,
        ),
    ]


def _range_shown() -> list[Figure]:
    return [
        Figure(
            "Acknowledged",
            instant(f"sum({count('time_to_ack_seconds_count')})", "acknowledged"),
            f"Alerts that somebody acknowledged for the first time. {_SPARSE}",
            _NO_ACK,
        ),
        Figure(
            "Deadlines met",
            instant(ratio(count(_DEADLINES, 'result="met"'), count(_DEADLINES, _JUDGED)), "met"),
            "Of the alerts with an ack target, those acknowledged in time. Alerts that ended before are left out.",
            _NO_DEADLINE,
            unit="percentunit",
            steps=_GOOD,
        ),
        Figure(
            "Data are as old as",
            instant(f"time() - min(\n{indented(_last_success())}\n)", "age"),
            "Time since the last good poll of the source, or the shards, that had none for longest. If it grows, this"
            " is history.",
            "No source answered yet",
            unit="s",
            steps=[(None, "green"), (300, "orange"), (600, "red")],
        ),
    ]


def _last_success() -> str:
    """Return the last good poll of each source by any exporter, and of each shard with open alerts by who tells it."""
    success = f"bkmonitor_flow_exporter_last_success_timestamp_seconds{{{','.join(matchers(()))}}}"
    tell = f"group by ({ALERT_KEYS}) ({alerts('open_alerts')} > 0)"
    of_shards = f"{tell} * on ({MEMBER_KEYS}) group_left () {success}"
    return f"max by (source) ({success})\nor\n  max by (source, shard) ({of_shards})"


def _times(board: Dashboard) -> None:
    board.with_row(Row("Time to acknowledge"))
    histogram = "time_to_ack_seconds"
    first, *others = (instant(quantile(of, histogram, span=RANGE), name, name) for of, name in QUANTILES)
    board.with_panel(
        Figure("Time to acknowledge", first, _QUANTILES_TOLD, _NO_ACK, unit="s", steps=_ACK_STEPS).panel(
            *others, size=(4, 9)
        )
    )
    target = f"max without (job, instance, pod) (bkmonitor_flow_ack_target_seconds{{{','.join(matchers(())[:2])}}})"
    rolling = [over_time(quantile(of, histogram, span=WINDOW), name, name) for of, name in QUANTILES]
    board.with_panel(
        dashed(
            lines(
                "Time to acknowledge, rolling",
                [*rolling, over_time(target, target_legend(BUNDLED.targets), "targets")],
                told="At each moment over the rolling window before it. Dashed: the ack targets of the config.",
                empty="No acknowledgement in any window",
                unit="s",
                size=(10, 9),
            ),
            "/^target/",
        )
    )
    board.with_panel(
        buckets(
            "Acknowledgements by how long they took",
            over_time(f"sum by (le) (increase({alerts(f'{histogram}_bucket')}[{STEP}]))", "{{le}}"),
            told="Each cell: how many took so long. Dots are exemplars: single alerts with their id and a link.",
            empty=_NO_ACK,
            size=(10, 9),
        )
    )


def _deadlines(board: Dashboard) -> None:
    board.with_row(Row("Objectives"))
    board.with_panel(
        bars_beside(
            "Objective budget left",
            [
                instant(budget_left(target, matchers(BUNDLED.labels)), budget_name(target), f"{BUDGET}{index}")
                for index, target in enumerate(BUNDLED.targets)
            ],
            told=(
                "How much of what the objective lets be missed is left over the range shown: 100 % where no deadline"
                " was missed, below 0 where the objective is broken. Choose the range that your objective is meant for."
            ),
            empty=_NO_DEADLINE,
            unit="percentunit",
            size=(8, 8),
            steps=_BUDGET,
        )
    )
    board.with_panel(
        coloured(
            bars(
                "Deadlines",
                [over_time(f"sum by (result) ({count(_DEADLINES, span=STEP)})", "{{result}}")],
                told="What came of alerts with an ack target: met, missed, or ended before anybody had to come.",
                empty=_NO_DEADLINE,
                unit="none",
                size=(16, 8),
            ),
            _RESULTS,
        )
    )


def _waiting(board: Dashboard) -> None:
    board.with_row(Row("Waiting for somebody"))
    since = alerts("unacked_since_timestamp_seconds")
    # An alert whose names are missing is to be listed all the same.
    names = f"topk by (source, alert_id) (1, {alerts('alert_info')} or on (source, alert_id) {since} ^ 0)"
    age = f"topk(100, time() - max without (job, instance, pod, shard) ({since}))"
    named = f"{age}\n* on (source, alert_id) group_left (alert_name, strategy_name)\n{names}"
    panel = rows(
        "Alerts that nobody acknowledged",
        [instant(named, ref="AGE"), instant(_PAST_TARGET, ref=PAST)],
        told="The 100 oldest open alerts that nobody acknowledged, with links to BlueKing; red past their target.",
        empty=_NOBODY,
        unit="s",
        size=(24, 10),
        names={
            **ALERT_COLUMNS,
            "Value #AGE": "Age",
            f"Value #{PAST}": "Past target by",
        },
        sort="Age",
    )
    column(panel, "Alert", links=link("Open in BlueKing", BUNDLED_ALERT), unit="string", custom__width=180)
    column(
        panel,
        "Past target by",
        thresholds={"mode": "absolute", "steps": [{"value": at, "color": colour} for at, colour in _PAST_STEPS]},
        custom__cellOptions={"type": "color-text"},
    )
    board.with_panel(panel)


def _groups(board: Dashboard) -> None:
    board.with_row(Row("By $by"))
    histogram = "time_to_ack_seconds"
    board.with_panel(
        lines(
            "p90 of the time to acknowledge, rolling",
            [over_time(grouped(quantile(0.9, histogram, "$by", span=WINDOW)), "{{group}}")],
            told="By the label chosen under Group by, at each moment over the rolling window before it.",
            empty="No acknowledgement in any window",
            unit="s",
            size=(12, 9),
        )
    )
    met, judged = count(_DEADLINES, 'result="met"'), count(_DEADLINES, _JUDGED)
    panel = rows(
        "Response by group",
        [
            instant(grouped(f"sum by ($by) ({count('time_to_ack_seconds_count')})"), ref="ACKED"),
            instant(grouped(quantile(0.5, histogram, "$by", span=RANGE)), ref="P50"),
            instant(grouped(quantile(0.9, histogram, "$by", span=RANGE)), ref="P90"),
            instant(grouped(ratio(met, judged, "$by")), ref="MET"),
            instant(grouped(f"sum by ($by) ({now('open_alerts', *_WAITING)})"), ref="WAITING"),
        ],
        told="The same by group over the whole range shown, and who is waited for now. Empty: nothing of it happened.",
        empty="No alert watched yet",
        unit="s",
        size=(12, 9),
        names={
            "group": "Group",
            "Value #ACKED": "Acknowledged",
            "Value #P50": "p50",
            "Value #P90": "p90",
            "Value #MET": "Deadlines met",
            "Value #WAITING": "Waiting now",
        },
        sort="Acknowledged",
    )
    for name in ("Acknowledged", "Waiting now"):
        column(panel, name, unit="none", decimals=0)
    board.with_panel(column(panel, "Deadlines met", unit="percentunit", decimals=1))
