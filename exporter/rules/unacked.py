"""The rule on single alerts: nobody acknowledged it within its target."""

from string import Formatter

from exporter.rules.freshness import EXPECTED_SHARDS, KNOWN_UNTIL_BEST, KNOWN_UNTIL_FRESHEST, Patience, held
from exporter.rules.promql import ALERT_KEYS, SHARD_KEYS, call, indented, number, one_replica, verbatim
from exporter.rules.rule import Alerting
from exporter.rules.targets import Target

UNACKED = "BKMonitorFlowAlertUnacked"

_SINCE = "bkmonitor_flow_unacked_since_timestamp_seconds"
_NAMES = "alert_name, strategy_id, strategy_name"
_SEVERITY_BY_ALERT = '{{ if eq $labels.bk_severity "fatal" }}critical{{ else }}warning{{ end }}'


def unacked(target: Target, patience: Patience, alert_url: str | None) -> Alerting:
    """Return the rule of a target: fires for each of its alerts of which we know that it is past the target un-acked.

    The sample's value is the alert's creation in unix seconds; 1 while the alert is only held.
    """
    label = {"ack_target": target.name}
    known = (f"({SHARD_KEYS}) {recorded}" for recorded in (KNOWN_UNTIL_BEST, EXPECTED_SHARDS))
    return Alerting(
        UNACKED,
        held(UNACKED, _live(target, patience), *known, **label),
        severity=_SEVERITY_BY_ALERT,
        labels={"ack_target": verbatim(target.name)},
        summary=f"{{{{ or $labels.alert_name $labels.alert_id }}}}: not acknowledged within {target.time}",
        description=(
            "BlueKing alert {{ $labels.alert_id }}{{ with $labels.alert_name }} ({{ . }}){{ end }}"
            "{{ with $labels.strategy_name }} of the strategy {{ . }}{{ end }} on {{ $labels.source }}"
            f" is open, not shielded, and nobody acknowledged it within its target of {target.time}."
            "{{ if gt $value 1.0 }} It was created at {{ humanizeTimestamp $value }}."
            "{{ else }} There is no fresh data at present: this is how it stood when there was some.{{ end }}"
        ),
        links={} if alert_url is None else {"alert_url": link(alert_url)},
    )


def _live(target: Target, patience: Patience) -> str:
    past = f"""\
{target.select(_SINCE)}
< on ({ALERT_KEYS}) group_left ()
  ({KNOWN_UNTIL_FRESHEST} - {number(target.within + patience.settled)})"""
    # The names are looked up with a fallback that has none: an alert whose names are missing is to fire all the same.
    named = f"""\
(
{indented(past)}
)
* on ({ALERT_KEYS}, alert_id) group_left ({_NAMES}) (
  bkmonitor_flow_alert_info or on ({ALERT_KEYS}, alert_id) {_SINCE} ^ 0
)"""
    severity = ('"bk_severity"', '"$1"', '"severity"', '"(.+)"')
    return one_replica(call("label_replace", named, ", ".join(severity)))


def link(alert_url: str) -> str:
    """Return the config's `web.alert_url` as a template of Prometheus: values are filled in as the status page does."""
    parts = []
    for text, name, _, _ in Formatter().parse(alert_url):
        parts.append(verbatim(text))
        if name is not None:
            label = "bk_severity" if name == "severity" else name
            parts.append(f'{{{{ $labels.{label} | urlquery | reReplaceAll "[+]" "%20" }}}}')
    return "".join(parts)
