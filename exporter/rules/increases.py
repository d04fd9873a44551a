"""What happened within a time: increases of counters, which survive restarts and fall only where a ledger was lost."""

from exporter.rules.promql import all_shards, indented

ACKED_IN = ("1h", "1d")
"""The windows of latencies and ratios: an alert is a rare event, and minutes hold none."""
QUANTILES = (0.5, 0.9, 0.99)

ACK_BUCKETS = "labels_le:bkmonitor_flow_time_to_ack_seconds_bucket:increase{window}"
ACK_QUANTILE = "labels:bkmonitor_flow_time_to_ack_seconds:p{percent}_{window}"
ENDED = "labels_acked:bkmonitor_flow_alerts_ended:increase{window}"
ACK_RATIO = "labels:bkmonitor_flow_alerts_ended_acked:ratio_increase{window}"


def without_reset(expr: str, counter: str, window: str) -> str:
    """Return `expr`, but for sources of which the counter fell within the window.

    A new ledger begins with the whole history of the alerts it sees, which `increase` takes for new.
    """
    return f"{expr}\nunless on (job, source)\n  sum by (job, source) (resets({counter}[{window}])) > 0"


def ratio(part: str, whole: str) -> str:
    """Return `part` of `whole`, where there is any of the whole; no series of the part is a part of 0."""
    return f"(\n{indented(part)}\n  or\n    0 * {whole}\n)\n/ ({whole} > 0)"


def ack_buckets(window: str) -> str:
    """Return the acknowledgements by their time, within a window, as buckets of all labels of the alerts."""
    counter = "bkmonitor_flow_time_to_ack_seconds"
    return without_reset(all_shards(f"increase({counter}_bucket[{window}])"), f"{counter}_count", window)


def ack_quantile(quantile: float, window: str) -> str:
    """Return within how many seconds that part of the acknowledgements came, where there was any."""
    return f"histogram_quantile({quantile}, {ACK_BUCKETS.format(window=window)}) >= 0"


def ended(window: str) -> str:
    """Return how many alerts ended, by whether somebody had acknowledged them."""
    counter = "bkmonitor_flow_alerts_ended_total"
    return without_reset(all_shards(f"increase({counter}[{window}])", "outcome"), counter, window)


def ack_ratio(window: str) -> str:
    """Return which part of the alerts that ended had been acknowledged, where there was any."""
    total = ENDED.format(window=window)
    return ratio(f'sum without (acked) ({total}{{acked="true"}})', f"sum without (acked) ({total})")
