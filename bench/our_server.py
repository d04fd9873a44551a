"""Our exporter as a user runs it: `serve`, in front of `simulate`, with about 10,000 series of open alerts."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.servers import Server, free_address, running, serves_flow

_COMMAND = str(Path(sys.executable).with_name("bkmonitor-flow-exporter"))
_WORLD = ("--dialect=documented", "--history=3600", "--alerts-per-hour=6000")
_CONFIG = """\
sources:
  - name: prod
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    timeout: 60s
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 4}}
    watch: [{{search: {{bk_biz_ids: [-1]}}, labels: {{team: payments}}}}]
poll: {{interval: {interval}, acked_interval: {interval}, refresh: {refresh}}}
limits: {{alert_series: 100000}}
web: {{birth_hold: 1s}}
"""


@contextmanager
def simulated_source(folder: Path) -> Iterator[Server]:
    """Give a simulated BlueKing; it ends with the block."""
    address = free_address()
    command = [_COMMAND, "simulate", f"--web.listen-address={address}", *_WORLD]
    with running(command, address, folder, _answers) as server:
        yield server


@contextmanager
def our_exporter(folder: Path, source: Server, *, interval: str, refresh: str) -> Iterator[Server]:
    """Give our exporter once its baseline is served; it ends with the block, and its ledger stays in `folder`."""
    config, address = folder / "config.yaml", free_address()
    config.write_text(_CONFIG.format(url=source.url, interval=interval, refresh=refresh))
    command = [_COMMAND, "serve", f"--config.file={config}", f"--web.listen-address={address}", "--log.level=warning"]
    with running(command, address, folder, serves_flow) as server:
        yield server


def asked(source: Server) -> Counter[str]:
    """Return how often a simulated BlueKing was asked since its start, by endpoint."""
    return Counter(requests.get(f"{source.url}/-/requests", timeout=10).json()["endpoints"])


def _answers(server: Server) -> bool:
    return requests.get(f"{server.url}/-/requests", timeout=5).ok
