"""Surges: more than usual of something, where usual is its average over the past week."""

from exporter.rules.freshness import Patience
from exporter.rules.increases import without_reset
from exporter.rules.promql import call, one_replica
from exporter.rules.rule import Alerting, Group, Recording

ANOMALIES = "source:bkmonitor_flow_anomaly_count:sum"
RECORDS = "source_operate:bkmonitor_flow_records:increase1h"

_TIMES = 3
_ANOMALIES_AT_LEAST = 100
_RECORDS_AT_LEAST = 30
_LAST_WEEK = "[1w] offset 1h"
_A_DAY_AGO = "[6d] offset 1d"  # what is younger than a day has no usual level yet
_KEEP = "15m"


def surges(patience: Patience) -> Group:
    """Return what is recorded and alerted on of anomaly points and of records."""
    counter = "bkmonitor_flow_records_total"
    records = call("sum by (job, source, operate)", one_replica(f"increase({counter}[1h])"))
    return Group(
        "bkmonitor-flow-surges",
        (
            Recording(ANOMALIES, call("sum by (job, source)", one_replica("bkmonitor_flow_anomaly_count"))),
            Recording(RECORDS, without_reset(records, counter, "1h")),
            _anomaly_surge(patience),
            _record_surge(patience),
        ),
        interval="1m",
    )


def _anomaly_surge(patience: Patience) -> Alerting:
    return Alerting(
        "BKMonitorFlowAnomalySurge",
        f"""\
{ANOMALIES} > {_ANOMALIES_AT_LEAST}
and
  {ANOMALIES} > {_TIMES} * avg_over_time({ANOMALIES}{_LAST_WEEK})
and
  count_over_time({ANOMALIES}{_A_DAY_AGO})
and on (job, source)
  {patience.fresh}""",
        severity="warning",
        summary="{{ $labels.source }}: unusually many anomaly points in open alerts",
        description=(
            "The open alerts of {{ $labels.source }} have {{ humanize $value }} anomaly points,"
            f" more than {_TIMES} times the average of the past week."
        ),
        wait="5m",
        keep=_KEEP,
    )


def _record_surge(patience: Patience) -> Alerting:
    # An operate that is new to a source known for long has no average: usually there is none of it.
    return Alerting(
        "BKMonitorFlowRecordSurge",
        f"""\
{RECORDS} > {_RECORDS_AT_LEAST}
and
  {RECORDS} > {_TIMES} * (avg_over_time({RECORDS}{_LAST_WEEK}) or 0 * {RECORDS})
and on (job, source)
  count_over_time({RECORDS}{_A_DAY_AGO})
and on (job, source)
  {patience.fresh}""",
        severity="warning",
        summary="{{ $labels.source }}: unusually many {{ $labels.operate }} records",
        description=(
            "{{ $labels.source }} had {{ humanize $value }} {{ $labels.operate }} records within the last hour,"
            f" more than {_TIMES} times the hourly average of the past week."
        ),
        wait="5m",
        keep=_KEEP,
    )
