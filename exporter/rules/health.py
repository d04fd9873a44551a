"""Rules on the exporter itself: loud about whatever keeps the other rules from telling the truth."""

from exporter.config import format_duration
from exporter.rules.freshness import EXPECTED_SHARDS, KNOWN_UNTIL_BEST, LAST_SUCCESS, Patience
from exporter.rules.promql import MEMBERS, SOURCE_KEYS, all_exporters, indented, number
from exporter.rules.rule import Alerting, Group

_BUILD = "bkmonitor_flow_exporter_build_info"
_QUARANTINED = 'bkmonitor_flow_exporter_watched_alerts{state="quarantined"}'
_ZONES_DIFFER = 900  # seconds; no two time zones are nearer to each other


def health(patience: Patience) -> Group:
    """Return the alerts on the exporter's health."""
    asking = (_source_down(), _stale(patience), _quarantined(), _skewed())
    return Group("bkmonitor-flow-health", (_down(), _unscraped(), *asking, _dropped(), _reload_failed()))


def _down() -> Alerting:
    return Alerting(
        "BKMonitorFlowExporterDown",
        f"""\
  up == 0 and on (job, instance) last_over_time({_BUILD}[1d])
or on ()
  absent({_BUILD})""",
        severity="critical",
        summary="The flow exporter{{ with $labels.instance }} {{ . }}{{ end }} is down",
        description=(
            "{{ with $labels.instance }}Prometheus cannot scrape the flow exporter {{ . }}"
            "{{ else }}Prometheus finds no flow exporter{{ end }}. Ack alerts stay as they are meanwhile,"
            " unless another exporter has taken over its shards."
        ),
        wait="5m",
    )


def _unscraped() -> Alerting:
    return Alerting(
        "BKMonitorFlowMemberUnscraped",
        f"max by (job) ({MEMBERS}) > count by (job) ({MEMBERS})",
        severity="critical",
        summary="Prometheus does not scrape all flow exporters that share a ledger",
        description=(
            "{{ $value }} exporters share the ledger of {{ $labels.job }}, and Prometheus scrapes fewer: the shards of"
            " the others are missing in every count, and no ack alert fires for them."
        ),
        wait="10m",
    )


def _source_down() -> Alerting:
    return Alerting(
        "BKMonitorFlowSourceDown",
        # The best of some minutes, so that a scrape that is missed does not begin the wait anew.
        f"max by ({SOURCE_KEYS}) (max_over_time(bkmonitor_flow_exporter_source_up[3m])) == 0",
        severity="critical",
        summary="The flow exporter is in trouble with {{ $labels.source }}",
        description=(
            "The source {{ $labels.source }} does not answer, or refuses some question, for more than five minutes;"
            " the exporter's status page and log say why. Ack alerts stay as they are meanwhile where no data is fresh."
        ),
        wait="3m",
    )


def _stale(patience: Patience) -> Alerting:
    stale = number(patience.stale)
    return Alerting(
        "BKMonitorFlowSourceStale",
        # Where nobody tells of any alert, but all goes well, there is none to tell of, as with a new ledger.
        f"""\
  time() - min by ({SOURCE_KEYS}) ({EXPECTED_SHARDS}) > {stale}
unless on ({SOURCE_KEYS}) (
    time() - max by ({SOURCE_KEYS}) ({LAST_SUCCESS}) < {stale}
  unless on ({SOURCE_KEYS})
    {KNOWN_UNTIL_BEST}
)
and on ({SOURCE_KEYS})
  max by ({SOURCE_KEYS}) (bkmonitor_flow_exporter_source_up) == 1""",
        severity="critical",
        summary="What the flow exporter knows of {{ $labels.source }} is stale",
        description=(
            "The source {{ $labels.source }} is up, but what is known of its alerts is"
            " {{ humanizeDuration $value }} old. Ack alerts stay as they are meanwhile."
        ),
        wait="2m",
    )


def _quarantined() -> Alerting:
    return Alerting(
        "BKMonitorFlowAlertsQuarantined",
        f"(\n{indented(all_exporters(_QUARANTINED, SOURCE_KEYS))}\n) > 0",
        severity="warning",
        summary="{{ $labels.source }}: {{ $value }} alert(s) cannot be read",
        description=(
            "{{ $value }} alert(s) of {{ $labels.source }} failed again and again while others were read;"
            " they are asked about ever more rarely, and nothing of them is counted."
        ),
        wait="1h",
    )


def _dropped() -> Alerting:
    return Alerting(
        "BKMonitorFlowSeriesDropped",
        "sum by (job, metric) (increase(bkmonitor_flow_exporter_series_dropped_total[1h])) > 0",
        severity="warning",
        summary="The flow exporter has reached its limit on {{ $labels.metric }}",
        description=(
            "Within the last hour the limit on {{ $labels.metric }} kept {{ humanize $value }} alert(s) from having"
            " series or labels of their own. Totals lose nothing."
        ),
    )


def _reload_failed() -> Alerting:
    return Alerting(
        "BKMonitorFlowConfigReloadFailed",
        "bkmonitor_flow_exporter_config_last_reload_successful == 0",
        severity="warning",
        summary="The flow exporter {{ $labels.instance }} could not load its config anew",
        description="The last reload failed and changed nothing; the log says what is wrong, and check says it again.",
        wait="5m",
    )


def _skewed() -> Alerting:
    zone = format_duration(_ZONES_DIFFER)
    return Alerting(
        "BKMonitorFlowTimezoneSkew",
        f"max by ({SOURCE_KEYS}) (abs(bkmonitor_flow_exporter_timezone_skew_seconds)) >= {_ZONES_DIFFER}",
        severity="warning",
        summary="{{ $labels.source }} seems to have another time zone than configured",
        description=(
            "Record times of {{ $labels.source }} are {{ humanizeDuration $value }} from the times that the ids of the"
            f" alerts tell ({zone} or more is a time zone): latencies and deadlines are off by as much."
        ),
        wait="10m",
    )
