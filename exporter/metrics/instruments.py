"""The table of the instruments that count what this process does: a row tells a metric's name, its help, its labels."""

from dataclasses import dataclass

from exporter.metrics.doc import Doc

PREFIX = "bkmonitor_flow_exporter_"


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument of the client library: its name without a counter's `_total`, its help, and its doc."""

    name: str
    help: str
    doc: Doc


BUILD_INFO = Instrument(
    f"{PREFIX}build_info",
    "The running version, always 1.",
    Doc(
        ("version",),
        "Tells which exporters run which version.",
        "count by (version) (bkmonitor_flow_exporter_build_info)",
    ),
)
POLLS = Instrument(
    f"{PREFIX}polls",
    "Polls of an alert's log.",
    Doc(
        ("source",),
        "Counted when the question goes out, whatever comes of it. Searches are no polls; they are among the requests.",
        "sum by (source) (rate(bkmonitor_flow_exporter_polls_total[5m]))",
    ),
)
POLL_FAILURES = Instrument(
    f"{PREFIX}poll_failures",
    "Polls that failed, by reason.",
    Doc(
        ("source", "reason"),
        "`reason` is `not_allowed`, `too_fast`, `no_such_alert`, `bad_request`, `upstream`, `unreachable`, `timeout` "
        "or `unreadable`. Nothing is lost by a failure: the alert is asked again.",
        "sum by (source, reason) (rate(bkmonitor_flow_exporter_poll_failures_total[5m])) / on (source) group_left sum "
        "by (source) (rate(bkmonitor_flow_exporter_polls_total[5m]))",
    ),
)
REQUESTS = Instrument(
    f"{PREFIX}requests",
    "HTTP requests to the source, by endpoint and status code.",
    Doc(
        ("source", "endpoint", "code"),
        "`endpoint` is `get_event_log` or `search_alert`, `code` the HTTP status, or `error` where there was none. "
        "BlueKing refuses with code 200, too: see `bkmonitor_flow_exporter_poll_failures_total`.",
        "sum by (source, endpoint, code) (rate(bkmonitor_flow_exporter_requests_total[5m]))",
    ),
)
REQUEST_SECONDS = Instrument(
    f"{PREFIX}request_duration_seconds",
    "Duration of HTTP requests.",
    Doc(
        ("source", "endpoint"),
        "From the start of the request, connecting included, to the end of its answer.",
        "histogram_quantile(0.95, sum by (source, endpoint, le) "
        "(rate(bkmonitor_flow_exporter_request_duration_seconds_bucket[5m])))",
    ),
)
THROTTLED = Instrument(
    f"{PREFIX}throttled_seconds",
    "Time that due polls waited for the rate limit.",
    Doc(
        ("source",),
        "Where it grows all the time, the alerts are more than `rate_limit` lets be asked in time.",
        "rate(bkmonitor_flow_exporter_throttled_seconds_total[15m])",
    ),
)
COMMITS = Instrument(
    f"{PREFIX}ledger_commits",
    "Transactions committed to the ledger.",
    Doc((), "One commit takes in the answers of many polls.", "rate(bkmonitor_flow_exporter_ledger_commits_total[5m])"),
)
COMMIT_SECONDS = Instrument(
    f"{PREFIX}ledger_commit_duration_seconds",
    "Duration of commits to the ledger.",
    Doc(
        (),
        "Slow commits are mostly a slow disk.",
        "histogram_quantile(0.99, sum by (le) "
        "(rate(bkmonitor_flow_exporter_ledger_commit_duration_seconds_bucket[5m])))",
    ),
)
DROPPED = Instrument(
    f"{PREFIX}series_dropped",
    "Alerts that a limit kept from having series or labels of their own.",
    Doc(
        ("metric",),
        "`metric` is the per-alert metric whose `limits.alert_series` was reached, or `label_sets` for the limit of "
        "that name. Each alert counts once for each; totals lose nothing.",
        "sum by (metric) (increase(bkmonitor_flow_exporter_series_dropped_total[1h])) > 0",
    ),
)
SHARDS_OWNED = Instrument(
    f"{PREFIX}shards_owned",
    "Shards whose alerts this exporter polls and counts.",
    Doc(
        (),
        "1 for an exporter alone. With `shards: N` the members have N together; for seconds less, while one is handed "
        "over.",
        "sum(bkmonitor_flow_exporter_shards_owned)",
    ),
)
MEMBERS = Instrument(
    f"{PREFIX}members",
    "Exporters that share the ledger, this one included.",
    Doc(
        (),
        "1 for an exporter alone. Each tells how many it sees; where Prometheus scrapes fewer, some shards are in no "
        "query.",
        "max(bkmonitor_flow_exporter_members) - count(bkmonitor_flow_exporter_members) > 0",
    ),
)
RELOAD_SUCCESSFUL = Instrument(
    f"{PREFIX}config_last_reload_successful",
    "Whether the last load of the config succeeded.",
    Doc(
        (),
        "At 0 the config before it is in force, and the log tells what is wrong with the new one.",
        "bkmonitor_flow_exporter_config_last_reload_successful == 0",
    ),
)
RELOAD_TIME = Instrument(
    f"{PREFIX}config_last_reload_success_timestamp_seconds",
    "Unix time of the last good load of the config.",
    Doc(
        (),
        "Since then the config in force is the one that was loaded.",
        "time() - bkmonitor_flow_exporter_config_last_reload_success_timestamp_seconds",
    ),
)

INSTRUMENTS = (
    BUILD_INFO,
    POLLS,
    POLL_FAILURES,
    REQUESTS,
    REQUEST_SECONDS,
    THROTTLED,
    COMMITS,
    COMMIT_SECONDS,
    DROPPED,
    SHARDS_OWNED,
    MEMBERS,
    RELOAD_SUCCESSFUL,
    RELOAD_TIME,
)
