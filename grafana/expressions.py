"""PromQL that several dashboards use, on the alerts that the variables select."""

from exporter.dashboards.fitting import alert_matchers
from exporter.dashboards.outlook import BUNDLED
from exporter.dashboards.queries import RANGE, counted

SHARED = alert_matchers(BUNDLED)
WINDOW = "$window"
STEP = "$__rate_interval"
QUANTILES = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))


def alerts(metric: str, *others: str) -> str:
    """Return the series of a flow metric that the variables select; `others` are further matchers."""
    return f"bkmonitor_flow_{metric}{{{','.join([SHARED, *others])}}}"


def now(metric: str, *others: str) -> str:
    """Return the series of a gauge, each once where replicas tell the same."""
    return f"max without (instance, pod) ({alerts(metric, *others)})"


def count(metric: str, *others: str, span: str = RANGE) -> str:
    """Return how many events each series of a counter had."""
    return counted(alerts(metric, *others), span)


def quantile(of: float, histogram: str, *by: str, span: str) -> str:
    """Return a quantile of a histogram of seconds; nothing where nothing was observed."""
    grouping = ", ".join([*by, "le"])
    return f"histogram_quantile({of}, sum by ({grouping}) ({count(f'{histogram}_bucket', span=span)})) >= 0"


def ratio(part: str, whole: str, *by: str) -> str:
    """Return which part of the events of `whole` those of `part` are; nothing where there were none."""
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"(sum{grouping} ({part}) or 0 * sum{grouping} ({whole})) / (sum{grouping} ({whole}) > 0)"


def grouped(expr: str) -> str:
    """Return `expr`, which is by $by, with the label `group` that tells the group, also that of alerts without one."""
    named = f'label_replace({expr}, "group", "$1", "$by", "(.+)")'
    return f'max by (group) (label_replace({named}, "group", "no $by", "$by", ""))'
