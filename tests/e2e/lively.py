"""An exporter for lives of which each takes seconds: its config, the bounds of its buckets, and what is true of it."""

from collections.abc import Mapping

from tests.e2e.harness import Samples, labels

BOUNDS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""In seconds, of all its histograms."""

HISTOGRAMS = """\
histograms:
  time_to_ack: [1s, 2s, 5s, 10s, 20s]
  time_to_first_action: [1s, 2s, 5s, 10s, 20s]
  time_to_end: [1s, 2s, 5s, 10s, 20s]
"""
"""That part of a config."""

CONFIG = f"""\
sources:
  - name: sim
    url: {{url}}
    auth: {{{{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}}}
    rate_limit: {{{{requests_per_second: 1000, burst: 1000, concurrency: 4}}}}
    watch: [{{{{files: [watch.json]}}}}]
poll: {{{{interval: 300ms, acked_interval: 300ms, settle: 3s}}}}
{HISTOGRAMS}ledger: {{{{url: "{{ledger}}"}}}}
web: {{{{birth_hold: 0s}}}}
"""
"""To be formatted with the `url` of the source and that of the `ledger`; what is watched stands in watch.json."""


def target_samples(label: str, within: Mapping[str, float]) -> Samples:
    """Return the gauge of the targets that match alerts by one label."""
    return {("bkmonitor_flow_ack_target_seconds", labels({label: value})): s for value, s in within.items()}


def is_telling(truth: Samples) -> bool:
    """Return whether there is something of each kind to compare: every result, every gauge of open alerts."""
    results = {dict(pairs)["result"] for name, pairs in truth if name == "bkmonitor_flow_ack_deadlines_total"}
    gauges = {"oldest_unacked_timestamp_seconds", "unacked_since_timestamp_seconds", "alert_info", "open_alerts"}
    return results == {"met", "missed", "ended"} and {f"bkmonitor_flow_{name}" for name in gauges} <= {
        n for n, _ in truth
    }
