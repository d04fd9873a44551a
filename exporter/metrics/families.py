"""The table of metric families: a row tells a metric's name, its help, where its samples come from, and its doc."""

from exporter.flow.observations import Total
from exporter.metrics.alert_series import ALERT_INFO, ANOMALY_COUNT, ANOMALY_POINTS, INFO, UNACKED, UNACKED_SINCE
from exporter.metrics.doc import ALERT_LABELS as G
from exporter.metrics.doc import MATCHED_LABELS, Doc
from exporter.metrics.family import Counter, Family, Gauge, Histogram
from exporter.metrics.open_alerts import OLDEST_UNACKED, OPEN_ALERTS
from exporter.metrics.source_gauges import (
    RejectedRecords,
    ack_targets,
    last_successes,
    overdue,
    sources_up,
    timezone_skews,
    watched_alerts,
)

FLOW_FAMILIES = (
    Family(
        "bkmonitor_flow_records",
        "Flow records by operate and status.",
        Counter(Total.RECORDS),
        Doc(
            (G, "operate", "status"),
            "Each record once, whatever the server merges, repeats or delays. `operate` and `status` are the API's "
            "words; one that has not their shape counts as `OTHER`. What the server merges before it is read counts "
            "as the rows that are left.",
            "sum by (operate) (increase(bkmonitor_flow_records_total[1d]))",
        ),
    ),
    Family(
        ANOMALY_COUNT,
        "Anomaly points converged into an open alert, as last read.",
        ANOMALY_POINTS,
        Doc(
            (G, "alert_id"),
            "The sum over the alert's CONVERGE records, which stays when the server merges them. No series where no "
            "record tells a number, as on servers since 2022. The oldest `limits.alert_series` alerts have one.",
            "topk(10, bkmonitor_flow_anomaly_count)",
        ),
    ),
    Family(
        "bkmonitor_flow_time_to_ack_seconds",
        "Time from an alert's creation to its first human acknowledgement.",
        Histogram(Total.TIME_TO_ACK),
        Doc(
            (G,),
            "To the earliest ACK record, once for each alert; recovery, closure and shield are none, so it differs "
            "from BlueKing's MTTA ([why](ack-times.md)). Each ack target is an exact bound. In OpenMetrics its "
            "buckets name an alert as exemplar.",
            "histogram_quantile(0.9, sum by (severity, le) (rate(bkmonitor_flow_time_to_ack_seconds_bucket[1d])))",
        ),
    ),
    Family(
        "bkmonitor_flow_time_to_first_action_seconds",
        "Time from an alert's creation to its first action or notice.",
        Histogram(Total.TIME_TO_FIRST_ACTION),
        Doc(
            (G,),
            "To the earlier of the first ACTION and the first ANOMALY_NOTICE: how fast BlueKing reacts, not people.",
            "histogram_quantile(0.99, sum by (le) (rate(bkmonitor_flow_time_to_first_action_seconds_bucket[6h])))",
        ),
    ),
    Family(
        "bkmonitor_flow_time_to_end_seconds",
        "Time from an alert's creation to its recovery or closure.",
        Histogram(Total.TIME_TO_END),
        Doc(
            (G, "outcome"),
            "`outcome` is `recovered` or `closed`. Observed when the end has settled (`poll.settle`). An alert that "
            "expires has none.",
            "sum by (outcome) (rate(bkmonitor_flow_time_to_end_seconds_sum[7d])) / sum by (outcome) "
            "(rate(bkmonitor_flow_time_to_end_seconds_count[7d]))",
        ),
    ),
    Family(
        "bkmonitor_flow_alerts_ended",
        "Alerts that ended, by outcome and whether somebody had acknowledged them.",
        Counter(Total.ALERTS_ENDED),
        Doc(
            (G, "outcome", "acked"),
            "Once for each alert, when its end has settled. `outcome` is `recovered`, `closed`, or `expired` where it "
            "showed no end within `poll.max_age`; `acked` is `true` where somebody acknowledged it no later than it "
            "ended.",
            'sum(increase(bkmonitor_flow_alerts_ended_total{acked="false"}[1d])) / '
            "sum(increase(bkmonitor_flow_alerts_ended_total[1d]))",
        ),
    ),
    Family(
        "bkmonitor_flow_ack_deadlines",
        "Alerts with an ack target by what came of it, each once: met, missed, or ended before.",
        Counter(Total.ACK_DEADLINES),
        Doc(
            (G, "result"),
            "`result` is `met`, `missed`, or `ended` where the alert ended before its deadline without an "
            "acknowledgement. `missed` ticks within seconds of the deadline and is never taken back. Shielded alerts "
            "are left out.",
            'sum by (severity) (increase(bkmonitor_flow_ack_deadlines_total{result="met"}[30d])) / sum by (severity) '
            '(increase(bkmonitor_flow_ack_deadlines_total{result=~"met|missed"}[30d]))',
        ),
    ),
    Family(
        "bkmonitor_flow_ack_target_seconds",
        "Configured time within which alerts with these labels must be acknowledged.",
        Gauge(ack_targets),
        Doc(
            (MATCHED_LABELS,),
            "One series for each target of the config: the line to draw beside the times to ack.",
            'bkmonitor_flow_ack_target_seconds{severity="fatal"}',
        ),
    ),
    Family(
        "bkmonitor_flow_open_alerts",
        "Open watched alerts.",
        OPEN_ALERTS,
        Doc(
            (G, "acked", "shielded"),
            "Four series for each label set, which fall to 0 and not to nothing. Only a search tells of shields: an "
            "alert that is watched by its id alone counts as not shielded.",
            'sum by (severity) (bkmonitor_flow_open_alerts{acked="false",shielded="false"})',
        ),
    ),
    Family(
        "bkmonitor_flow_oldest_unacked_timestamp_seconds",
        "Creation of the oldest open alert that nobody acknowledged and that is not shielded.",
        OLDEST_UNACKED,
        Doc(
            (G,),
            "A time, so that its age grows between polls as well. No series where nobody is waited for. No limit "
            "hides it.",
            "time() - min by (severity) (bkmonitor_flow_oldest_unacked_timestamp_seconds)",
        ),
    ),
    Family(
        UNACKED_SINCE,
        "Creation of an open alert that nobody acknowledged and that is not shielded.",
        UNACKED,
        Doc(
            (G, "alert_id"),
            "The oldest `limits.alert_series` alerts have one; it goes with the acknowledgement, the shield or the "
            "end.",
            "topk(10, time() - bkmonitor_flow_unacked_since_timestamp_seconds)",
        ),
    ),
    Family(
        ALERT_INFO,
        "Always 1, for each open alert: joins its name and strategy to its id.",
        INFO,
        Doc(
            (G, "alert_id", "alert_name", "strategy_id", "strategy_name"),
            "Names and strategy as the last search told them; the oldest `limits.alert_series` alerts have one.",
            "(time() - bkmonitor_flow_unacked_since_timestamp_seconds) * on (source, alert_id) group_left "
            "(alert_name, strategy_name) bkmonitor_flow_alert_info",
        ),
    ),
)

OWN_FAMILIES = (
    Family(
        "bkmonitor_flow_exporter_source_up",
        "Whether the source answered the last poll (1) or is in trouble (0).",
        Gauge(sources_up),
        Doc(
            ("source",),
            "At 0 the status page and the log say why; counters stand still, and nothing is lost.",
            "bkmonitor_flow_exporter_source_up == 0",
        ),
    ),
    Family(
        "bkmonitor_flow_exporter_last_success_timestamp_seconds",
        "Unix time of the last good poll of the source.",
        Gauge(last_successes),
        Doc(
            ("source",),
            "Goes on over restarts; no series before the first answer ever. Every rule on flow metrics should look at "
            "it: what is stale is not well.",
            "time() - bkmonitor_flow_exporter_last_success_timestamp_seconds > 300",
        ),
    ),
    Family(
        "bkmonitor_flow_exporter_overdue_seconds",
        "How late the most overdue poll of the source is.",
        Gauge(overdue),
        Doc(
            ("source",),
            "Stays near 0 while the source is asked as planned; grows while it is in trouble or `rate_limit` is too "
            "low.",
            "min_over_time(bkmonitor_flow_exporter_overdue_seconds[15m]) > 60",
        ),
    ),
    Family(
        "bkmonitor_flow_exporter_watched_alerts",
        "Watched alerts that are still asked about, by state.",
        Gauge(watched_alerts),
        Doc(
            ("source", "state"),
            "`state` is `open`, `settling` (ended, one more read to come), `quarantined` (fails while the source "
            "answers others) or `missing` (the source does not know it).",
            'sum by (source, state) (bkmonitor_flow_exporter_watched_alerts{state=~"quarantined|missing"}) > 0',
        ),
    ),
    Family(
        "bkmonitor_flow_exporter_records_rejected",
        "Flow records that could not be read, and latencies that could not be told, by reason.",
        RejectedRecords(),
        Doc(
            ("source", "reason"),
            "Rows without a readable operate (`operate`) or time (`create_time`), that are none (`not_an_object`, "
            "`search_row`), and latencies of unknown creation (`creation_unknown`) or below 0 (`negative_latency`). "
            "Each once.",
            "sum by (source, reason) (increase(bkmonitor_flow_exporter_records_rejected_total[1d])) > 0",
        ),
    ),
    Family(
        "bkmonitor_flow_exporter_timezone_skew_seconds",
        "Median of CREATE record time less id time; far from 0, the source's timezone is wrong.",
        Gauge(timezone_skews),
        Doc(
            ("source",),
            "No series while too few alerts tell it. `check --online` tells which zone would be right.",
            "abs(bkmonitor_flow_exporter_timezone_skew_seconds) > 900",
        ),
    ),
)


def family_of(total: Total) -> Family:
    """Return the family that tells `total`."""
    return next(family for family in (*FLOW_FAMILIES, *OWN_FAMILIES) if family.total is total)
