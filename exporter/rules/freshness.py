"""Freshness: until when we know of a source's alerts, and what becomes of an ack alert while we do not.

An ack alert is decided by fresh data alone. While there is none it stays as it was: what does not fire does not begin
to, and what fires goes on, for at most a day where the exporter itself is gone.
"""

from dataclasses import dataclass

from exporter.config import Settings
from exporter.rules.promql import (
    ALERT_KEYS,
    MEMBER_KEYS,
    MEMBERS,
    SHARD_KEYS,
    SOURCE_KEYS,
    call,
    indented,
    number,
    quoted,
)
from exporter.rules.rule import Group, Recording

KNOWN_UNTIL = "instance:bkmonitor_flow_known_until_timestamp_seconds:min"
KNOWN_UNTIL_BEST = "source:bkmonitor_flow_known_until_timestamp_seconds:max"
KNOWN_UNTIL_FRESHEST = "instance:bkmonitor_flow_known_until_timestamp_seconds:freshest"
EXPECTED = "source:bkmonitor_flow_exporter_source_up:expected"
EXPECTED_SHARDS = "shard:bkmonitor_flow_known_until_timestamp_seconds:expected"
LAST_SUCCESS = "bkmonitor_flow_exporter_last_success_timestamp_seconds"

_OVERDUE = "bkmonitor_flow_exporter_overdue_seconds"
_SOURCE_UP = "bkmonitor_flow_exporter_source_up"
_REPLICAS_DIFFER = 60.0  # seconds by which replicas that are both well may differ
_STALE_AT_LEAST = 600.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: `settled` until a deadline's result can be known, `stale` until data are stale."""

    settled: float
    stale: float

    @property
    def fresh(self) -> str:
        """The condition that all of a source's data are fresh."""
        known = f"{EXPECTED_SHARDS} and on ({SOURCE_KEYS}) {KNOWN_UNTIL_BEST}"
        return f"(time() - min by ({SOURCE_KEYS}) ({known}) < {number(self.stale)})"


def patience(settings: Settings) -> Patience:
    """Return how long to wait, by how often the config's sources are asked and how long an answer may take."""
    poll = settings.poll
    one_answer = max(poll.interval, *(source.timeout for source in settings.sources))
    return Patience(poll.settle + one_answer, max(_STALE_AT_LEAST, 2 * poll.interval, 2 * poll.acked_interval))


def held(alert: str, live: str, known: str, expected: str = f"({SOURCE_KEYS}) {EXPECTED}", **labels: str) -> str:
    """Return the expression of the ack alert `alert`: `live` is its condition while the data are fresh.

    `known` is how `unless` finds out that they are, `expected` how `and` does that there should be any. `labels` are
    those by which the rule's own alerts are told from those of other rules of that name.
    """
    firing = ",".join(f"{name}={quoted(value)}" for name, value in {"alertname": alert, **labels}.items())
    return f"""\
(
{indented(live)}
)
or (
    max without (alertname, alertstate) (ALERTS{{alertstate="firing",{firing}}})
  unless on {known}
  and on {expected}
)"""


def freshness(patience: Patience) -> Group:
    """Return what is recorded of freshness; the rules on single alerts belong behind it, in the same group."""
    return Group(
        "bkmonitor-flow-freshness",
        (
            Recording(KNOWN_UNTIL, _known_until(patience.settled)),
            Recording(KNOWN_UNTIL_BEST, f"max by ({SHARD_KEYS}) ({KNOWN_UNTIL})"),
            Recording(
                KNOWN_UNTIL_FRESHEST,
                f"{KNOWN_UNTIL}\n>= on ({SHARD_KEYS}) group_left ()\n"
                f"  ({KNOWN_UNTIL_BEST} - {number(_REPLICAS_DIFFER)})",
            ),
            Recording(EXPECTED, _expected()),
            Recording(EXPECTED_SHARDS, _expected_shards()),
        ),
    )


def _known_until(settled: float) -> str:
    """Return until when every poll that was due is done, of each shard as the exporter that tells it: the older of the
    last success and the due time of what is overdue.

    A last success tells nothing where nobody was asked. Before the flow metrics are served, and before an exporter that
    was started anew has asked about what it missed, nothing is known.
    """
    due = f"(timestamp({_OVERDUE}) - {_OVERDUE})"
    return f"""\
group by ({ALERT_KEYS}) (bkmonitor_flow_open_alerts)
* on ({MEMBER_KEYS}) group_left () (
  (
        {LAST_SUCCESS} < {due}
      and on ({MEMBER_KEYS}) (
          sum by ({MEMBER_KEYS}) (bkmonitor_flow_exporter_watched_alerts{{state=~"open|settling"}}) > 0
        or
          sum by ({MEMBER_KEYS}) (increase(bkmonitor_flow_exporter_requests_total{{endpoint="search_alert"}}[1h])) > 0
      )
    or
      {due}
  )
  > on (job, instance) group_left ()
    (process_start_time_seconds + {number(settled)})
)"""


def _expected() -> str:
    """Return the sources of which data should be there: those listed now, and those of an exporter that is gone."""
    listed = f"{_SOURCE_UP}\nor\n  last_over_time({_SOURCE_UP}[1d]) unless on (job, instance) {_SOURCE_UP}"
    return call("max by (job, source)", listed)


def _expected_shards() -> str:
    """Return the shards of which there should be data, each with until when it was known last.

    One that nobody told of for ten minutes is no more where all that could tell of it are scraped and know of others:
    the alerts were divided anew, or it has none left.
    """
    all_are_scraped = f"count by (job) ({MEMBERS}) >= max by (job) ({MEMBERS})"
    return f"""\
(
  last_over_time({KNOWN_UNTIL_BEST}[10m])
or
    last_over_time({KNOWN_UNTIL_BEST}[1d])
  unless on ({SOURCE_KEYS})
    ({KNOWN_UNTIL_BEST} and on (job) ({all_are_scraped}))
)
and on ({SOURCE_KEYS}) {EXPECTED}"""
