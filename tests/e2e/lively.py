"""An exporter for lives of which each takes seconds: its config, and the bounds of its buckets."""

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
