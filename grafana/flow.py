"""The dashboard Alert flow: what BlueKing records of alerts, how fast it reacts, how they end, which are loudest."""

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from exporter.dashboards.links import BUNDLED_ALERT
from grafana.expressions import QUANTILES, STEP, WINDOW, alerts, count, grouped, now, quantile, ratio
from grafana.panels import (
    ALERT_COLUMNS,
    Figure,
    bars,
    coloured,
    column,
    instant,
    lines,
    link,
    over_time,
    overview,
    rows,
)
from grafana.variables import alert_page

_RECORDS = "records_total"
_CREATED = 'operate="CREATE"'
_REPEATING = 'operate=~"CONVERGE|EVENT_DROP"'
_TELLING = 'operate!~"CONVERGE|EVENT_DROP"'
_ENDED = "alerts_ended_total"
_FAILED = ('operate=~"ACTION|ANOMALY_NOTICE"', 'status!="SUCCESS"')
_NOT_YET = "No alert watched yet"
_NO_RECORD = "No record in this range"
_NO_END = "No alert ended in this range"
_NO_ANOMALIES = "No open alert tells anomaly points (servers since 2022 tell none)"
_NO_ACTION = "No action in this range"
_OPEN = "No open alert"
_OPERATES = {
    "CREATE": "#5794F2",
    "ACTION": "#B877D9",
    "ANOMALY_NOTICE": "#8F3BB8",
    "CONVERGE": "#6E7681",
    "ACK": "#73BF69",
    "RECOVER": "#37872D",
    "CLOSE": "#96D98D",
    "EVENT_DROP": "#FF9830",
    "SYSTEM_RECOVER": "#19730E",
    "SYSTEM_CLOSE": "#C8F2C2",
    "RECOVERING": "#96D98D",
    "SEVERITY_UP": "#F2495C",
    "DELAY_RECOVER": "#E0B400",
    "ABORT_RECOVER": "#FA6400",
}
_OUTCOMES = {
    "recovered, acknowledged": "#37872D",
    "recovered, not acknowledged": "#96D98D",
    "closed, acknowledged": "#1F60C4",
    "closed, not acknowledged": "#8AB8FF",
    "expired, acknowledged": "#E0B400",
    "expired, not acknowledged": "#FFEE52",
}


def flow() -> Dashboard:
    """Return the dashboard."""
    board = alert_page(
        "bkmonitor-flow-records",
        "BlueKing alert flow",
        "What BlueKing records of alerts, how fast it reacts, how alerts end, and which of them are loudest.",
        "24h",
    )
    overview(board, *_figures())
    _records(board)
    _notices(board)
    _outcomes(board)
    _open(board)
    return board


def _figures() -> list[Figure]:
    points = f"sum({now('anomaly_count')})"
    alone = ratio(count(_ENDED, 'acked="false"'), count(_ENDED))
    return [
        Figure(
            "Created", instant(f"sum({count(_RECORDS, _CREATED)})"), "Alerts created in the range shown.", _NO_RECORD
        ),
        Figure("Records", instant(f"sum({count(_RECORDS)})"), "Records of every kind in the range shown.", _NO_RECORD),
        Figure("Open now", instant(f"sum({now('open_alerts')})"), "Open watched alerts, acked or not.", _NOT_YET),
        Figure("Ended", instant(f"sum({count(_ENDED)})"), "Alerts that recovered, were closed or expired.", _NO_END),
        Figure("Anomaly points now", instant(points), "Points converged into open alerts.", "None told"),
        Figure(
            "Ended by themselves",
            instant(alone),
            "Of the alerts that ended in the range shown, those that nobody had acknowledged: noise, or unseen.",
            _NO_END,
            unit="percentunit",
        ),
    ]


def _records(board: Dashboard) -> None:
    board.with_row(Row("Records"))
    board.with_panel(
        coloured(
            bars(
                "Records by operate",
                [over_time(f"sum by (operate) ({count(_RECORDS, _TELLING, span=STEP)})", "{{operate}}")],
                told="Records of each operate, each bar since the one before; further anomalies are beside it.",
                empty=_NO_RECORD,
                unit="none",
                size=(10, 10),
            ),
            _OPERATES,
        )
    )
    board.with_panel(
        coloured(
            bars(
                "Further anomalies",
                [over_time(f"sum by (operate) ({count(_RECORDS, _REPEATING, span=STEP)})", "{{operate}}")],
                told="CONVERGE: an anomaly that joined an open alert. EVENT_DROP: events that flow control dropped.",
                empty=_NO_RECORD,
                unit="none",
                size=(6, 10),
            ),
            _OPERATES,
        )
    )
    panel = rows(
        "Records by operate and status",
        [instant(f"sum by (operate, status) ({count(_RECORDS)}) > 0")],
        told="The same over the whole range shown, with the status that BlueKing gave them.",
        empty=_NO_RECORD,
        unit="none",
        size=(8, 10),
        names={"operate": "Operate", "status": "Status", "Value": "Records"},
        sort="Records",
    )
    board.with_panel(column(panel, "Records", decimals=0))


def _notices(board: Dashboard) -> None:
    action = "time_to_first_action_seconds"
    board.with_panel(
        lines(
            "Notification delay, rolling",
            [over_time(quantile(of, action, span=WINDOW), name, name) for of, name in QUANTILES],
            told=(
                "Creation to the first action or notice: how fast BlueKing itself reacts. At each moment over the"
                " rolling window before it; read from buckets, the lowest of which ends at 30s by default."
            ),
            empty=_NO_ACTION,
            unit="s",
            size=(8, 8),
        )
    )
    board.with_panel(
        lines(
            "Notification delay by group, p90 rolling",
            [over_time(grouped(quantile(0.9, action, "$by", span=WINDOW)), "{{group}}")],
            told="By the label chosen under Group by, at each moment over the rolling window before it.",
            empty=_NO_ACTION,
            unit="s",
            size=(8, 8),
        )
    )
    board.with_panel(
        bars(
            "Actions and notices that failed",
            [over_time(f"sum by (operate, status) ({count(_RECORDS, *_FAILED, span=STEP)})", "{{operate}} {{status}}")],
            told="Actions and notices whose status is not SUCCESS: somebody was not told, or not in every way.",
            empty="None failed",
            unit="none",
            size=(8, 8),
        )
    )


def _outcomes(board: Dashboard) -> None:
    board.with_row(Row("Outcomes"))
    told = f"sum by (outcome, acked) ({count(_ENDED, span=STEP)})"
    flag = f'label_replace({told}, "by", "acknowledged", "acked", "true")'
    board.with_panel(
        coloured(
            bars(
                "Ended alerts",
                [
                    over_time(
                        f'label_replace({flag}, "by", "not acknowledged", "acked", "false")', "{{outcome}}, {{by}}"
                    )
                ],
                told="How alerts ended, and whether somebody had acknowledged them by then. Counted once settled.",
                empty=_NO_END,
                unit="none",
                size=(12, 9),
            ),
            _OUTCOMES,
        )
    )
    board.with_panel(
        lines(
            "Time to end, rolling",
            [
                over_time(quantile(of, "time_to_end_seconds", "outcome", span=WINDOW), f"{{{{outcome}}}} {name}", name)
                for of, name in QUANTILES[:2]
            ],
            told="Creation to recovery or closure, at each moment over the rolling window before it.",
            empty="No alert ended in any window",
            unit="s",
            size=(12, 9),
        )
    )


def _open(board: Dashboard) -> None:
    board.with_row(Row("Open alerts"))
    for title, metric, told, empty in (
        ("Open alerts by group", "open_alerts", "Open watched alerts.", _NOT_YET),
        ("Anomaly points by group", "anomaly_count", "Points converged into open alerts.", _NO_ANOMALIES),
    ):
        expr = grouped(f"sum by ($by) ({now(metric)})")
        panel = lines(title, [over_time(expr, "{{group}}")], told=told, empty=empty, unit="none", size=(12, 8))
        board.with_panel(panel.decimals(0))
    board.with_panel(_top_alerts())
    board.with_panel(_top_strategies())


def _named(metric: str) -> str:
    """Return a gauge of single alerts, with their names as far as there are any."""
    series = alerts(metric)
    names = f"topk by (source, alert_id) (1, {alerts('alert_info')} or on (source, alert_id) 0 * {series} + 1)"
    value = f"max without (job, instance, pod, shard) ({series})"
    return f"{value}\n* on (source, alert_id) group_left (alert_name, strategy_id, strategy_name)\n{names}"


def _top_alerts() -> table.Panel:
    panel = rows(
        "Loudest open alerts",
        [instant(f"topk(10, {_named('anomaly_count')})")],
        told="The open alerts with the most anomaly points converged into them.",
        empty=_NO_ANOMALIES,
        unit="none",
        size=(12, 10),
        names={
            "alert_id": ALERT_COLUMNS["alert_id"],
            "Value": "Anomaly points",
            **ALERT_COLUMNS,
            "strategy_id": "Strategy id",
        },
        sort="Anomaly points",
    )
    return column(panel, "Alert", links=link("Open in BlueKing", BUNDLED_ALERT), unit="string", custom__width=180)


def _top_strategies() -> table.Panel:
    strategy = "source, strategy_id, strategy_name"
    series = f"max without (job, instance, pod, shard) ({alerts('alert_info')})"
    panel = rows(
        "Loudest strategies",
        [
            instant(f"topk(10, count by ({strategy}) ({series}))", ref="OPEN"),
            instant(f"topk(10, sum by ({strategy}) ({_named('anomaly_count')}))", ref="POINTS"),
        ],
        told="The strategies with the most open alerts, and those with the most anomaly points in open alerts.",
        empty=_OPEN,
        unit="none",
        size=(12, 10),
        names={
            "strategy_name": "Strategy",
            "strategy_id": "Id",
            "source": "Source",
            "Value #OPEN": "Open alerts",
            "Value #POINTS": "Anomaly points",
        },
        sort="Open alerts",
    )
    return column(panel, "Id", unit="string", custom__width=80)
