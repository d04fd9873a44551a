"""The dashboard Exporter health: are the sources asked as planned, and what does that cost."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from exporter.dashboards.queries import counted, matchers
from exporter.rules.promql import all_exporters, indented
from grafana.expressions import QUANTILES, STEP
from grafana.panels import Figure, bars, dashed, instant, lines, over_time, overview
from grafana.variables import page

_PROCESS = ",".join(matchers(())[:2])
_SOURCE = ",".join(matchers(()))
_NOT_YET = "No exporter scraped yet"
_NO_SOURCE = "No source asked yet"
_YES = [(None, "red"), (1, "green")]
_THIRD = (8, 8)


def health() -> Dashboard:
    """Return the dashboard."""
    board = page(
        "bkmonitor-flow-health",
        "BlueKing flow exporter health",
        "Whether bkmonitor-flow-exporter asks its sources as planned, what they answer, and what that costs.",
        "6h",
    )
    overview(board, *_sources(), *_exporters())
    _polls(board)
    _watched(board)
    _requests(board)
    _waiting(board)
    _counting(board)
    _commits(board)
    _members(board)
    _process(board)
    return board


def _own(name: str) -> str:
    """Return the series that tell of a source."""
    return f"bkmonitor_flow_exporter_{name}{{{_SOURCE}}}"


def _whole(name: str) -> str:
    """Return the series that tell of an exporter as a whole."""
    return f"{name}{{{_PROCESS}}}"


def _sources() -> list[Figure]:
    return [
        Figure(
            "Sources",
            instant(f"min by (source) ({_own('source_up')})", "{{source}}"),
            "Whether each source answered the last poll. The exporter's status page and log tell why not.",
            _NO_SOURCE,
            unit="bool_yes_no",
            steps=_YES,
        ),
        Figure(
            "Last good poll",
            instant(f"time() - max by (source) ({_own('last_success_timestamp_seconds')})", "{{source}}"),
            "Time since the last good poll of each source.",
            "No source answered yet",
            unit="s",
            steps=[(None, "green"), (300, "orange"), (600, "red")],
        ),
        Figure(
            "Most overdue poll",
            instant(f"max by (source) ({_own('overdue_seconds')})", "{{source}}"),
            "How late the most overdue poll is: stays near 0 unless a source is in trouble or rate_limit too low.",
            _NO_SOURCE,
            unit="s",
            steps=[(None, "green"), (60, "orange"), (300, "red")],
        ),
    ]


def _exporters() -> list[Figure]:
    dropped = counted(_whole("bkmonitor_flow_exporter_series_dropped_total"))
    return [
        Figure(
            "Config loaded",
            instant(f"min({_whole('bkmonitor_flow_exporter_config_last_reload_successful')})"),
            "Whether the last load of the config succeeded; if not, the config before it is in force.",
            _NOT_YET,
            unit="bool_yes_no",
            steps=_YES,
        ),
        Figure(
            "Beyond limits",
            instant(f"sum({dropped})"),
            "Alerts that a limit kept from having series or labels of their own, over the range shown.",
            _NOT_YET,
            steps=[(None, "green"), (1, "orange")],
        ),
        Figure(
            "Versions",
            instant(f"count by (version) ({_whole('bkmonitor_flow_exporter_build_info')})", "{{version}}"),
            "How many exporters run which version.",
            _NOT_YET,
        ),
    ]


def _polls(board: Dashboard) -> None:
    board.with_row(Row("Polls"))
    rate = f"rate({{}}[{STEP}])"
    board.with_panel(
        lines(
            "Polls",
            [
                over_time(f"sum by (source) ({rate.format(_own('polls_total'))})", "{{source}}"),
                over_time(
                    f"sum by (source) ({rate.format(_own('poll_failures_total'))})", "{{source}} failed", "FAILED"
                ),
            ],
            told="How often logs of alerts are asked for. Nothing is lost by a failure: the alert is asked again.",
            empty=_NO_SOURCE,
            unit="ops",
            size=_THIRD,
        )
    )
    board.with_panel(
        bars(
            "Failed polls by reason",
            [
                over_time(
                    f"sum by (source, reason) ({counted(_own('poll_failures_total'), STEP)}) > 0",
                    "{{source}} {{reason}}",
                )
            ],
            told="What the source or the way to it said no with. not_allowed: credentials or permissions.",
            empty="No poll failed",
            unit="none",
            size=_THIRD,
        )
    )


def _watched(board: Dashboard) -> None:
    watched = all_exporters(_own("watched_alerts"), "job, source, state", f"{{{_PROCESS}}}")
    board.with_panel(
        lines(
            "Watched alerts",
            [over_time(f"sum by (state) (\n{indented(watched)}\n)", "{{state}}")],
            told=(
                "Alerts still asked about: open, settling (ended, one more read to come), quarantined (fail again and"
                " again) or missing (the source does not know them)."
            ),
            empty=_NO_SOURCE,
            unit="none",
            size=_THIRD,
        ).decimals(0)
    )


def _requests(board: Dashboard) -> None:
    board.with_row(Row("Requests to the sources"))
    board.with_panel(
        lines(
            "Requests by code",
            [over_time(f"sum by (endpoint, code) (rate({_own('requests_total')}[{STEP}]))", "{{endpoint}} {{code}}")],
            told="HTTP requests by status code. BlueKing refuses with code 200, too: see Failed polls.",
            empty=_NO_SOURCE,
            unit="reqps",
            size=_THIRD,
        )
    )
    bucket = _own("request_duration_seconds_bucket")
    board.with_panel(
        lines(
            "Duration of requests",
            [
                over_time(
                    f"histogram_quantile({of}, sum by (endpoint, le) (rate({bucket}[{STEP}]))) >= 0",
                    f"{{{{endpoint}}}} {name}",
                    name,
                )
                for of, name in QUANTILES
            ],
            told="From the start of a request, connecting included, to the end of its answer.",
            empty="No request answered yet",
            unit="s",
            size=_THIRD,
        )
    )


def _waiting(board: Dashboard) -> None:
    board.with_panel(
        lines(
            "Waiting for the rate limit",
            [
                over_time(f"sum by (source) (rate({_own('throttled_seconds_total')}[{STEP}]))", "{{source}} throttled"),
                over_time(f"max by (source) ({_own('overdue_seconds')})", "{{source}} overdue", "OVERDUE"),
            ],
            told="Seconds that due polls waited per second, and how late the most overdue one is.",
            empty=_NO_SOURCE,
            unit="s",
            size=_THIRD,
        )
    )


def _counting(board: Dashboard) -> None:
    board.with_row(Row("Counting"))
    board.with_panel(
        bars(
            "Records rejected",
            [
                over_time(
                    f"sum by (source, reason) ({counted(_own('records_rejected_total'), STEP)}) > 0",
                    "{{source}} {{reason}}",
                )
            ],
            told="Records that could not be read and latencies that could not be told, each once, by reason.",
            empty="None rejected",
            unit="none",
            size=_THIRD,
        )
    )
    board.with_panel(
        dashed(
            lines(
                "Time zone skew",
                [
                    over_time(f"max by (source) (abs({_own('timezone_skew_seconds')}))", "{{source}}"),
                    over_time(f"vector(900) and on () {_own('timezone_skew_seconds')}", "too much", "LIMIT"),
                ],
                told="How far CREATE records lie from the times in ids; beyond the limit the timezone is wrong.",
                empty="Too few alerts tell it yet",
                unit="s",
                size=_THIRD,
            ),
            "too much",
        )
    )


def _commits(board: Dashboard) -> None:
    commits = _whole("bkmonitor_flow_exporter_ledger_commit_duration_seconds_bucket")
    board.with_panel(
        lines(
            "Duration of ledger commits",
            [
                over_time(f"histogram_quantile({of}, sum by (le) (rate({commits}[{STEP}]))) >= 0", name, name)
                for of, name in QUANTILES
            ],
            told="Slow commits are mostly a slow disk.",
            empty="No commit in this range",
            unit="s",
            size=_THIRD,
        )
    )


def _members(board: Dashboard) -> None:
    board.with_row(Row("Members"))
    owned, members = (_whole(f"bkmonitor_flow_exporter_{name}") for name in ("shards_owned", "members"))
    for title, queries, told in (
        (
            "Shards by exporter",
            [over_time(f"max by (instance) ({owned})", "{{instance}}")],
            "How many each polls and counts: 1 for one alone, a fair part for each member of a shared ledger.",
        ),
        (
            "Members",
            [over_time(f"max({members})", "share the ledger"), over_time(f"count({members})", "scraped", "SCRAPED")],
            "Exporters that share the ledger, and those that are scraped: shards of others are in no query.",
        ),
    ):
        board.with_panel(lines(title, queries, told=told, empty=_NOT_YET, unit="none", size=(12, 6)).decimals(0))


def _process(board: Dashboard) -> None:
    board.with_row(Row("Process"))
    for title, expr, unit, told in (
        ("CPU", f"rate({_whole('process_cpu_seconds_total')}[{STEP}])", "percentunit", "Share of one processor."),
        ("Memory", _whole("process_resident_memory_bytes"), "bytes", "Resident memory."),
        ("Open files", _whole("process_open_fds"), "none", "Sockets and files; rises without end only by a bug."),
    ):
        expr = f"max by (instance) ({expr})"
        board.with_panel(
            lines(title, [over_time(expr, "{{instance}}")], told=told, empty=_NOT_YET, unit=unit, size=(6, 6))
        )
    board.with_panel(
        Figure(
            "Up since",
            instant(f"1000 * max by (instance) ({_whole('process_start_time_seconds')})", "{{instance}}"),
            "When each exporter was started. Counters go on over a restart.",
            _NOT_YET,
            unit="dateTimeFromNow",
        ).panel(size=(6, 6))
    )
