"""The demo: a simulated BlueKing and the exporter that watches it, in one process, with nothing to configure."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.config import Settings, load_config
from exporter.simulator import Simulator, SimulatorSettings

_CONFIG = """\
# The demo's config: a simulated source, and watches that find its alerts by search, one for each business.
sources:
  - name: demo
    url: {url}
    auth: {{app_code: {app_code}, app_secret: {app_secret}, username: {username}}}
    rate_limit: {{requests_per_second: 100, burst: 200, concurrency: 8}}
    watch:
      - {{search: {{bk_biz_ids: [2]}}, labels: {{team: payments}}}}
      - {{search: {{bk_biz_ids: [3]}}, labels: {{team: infra}}}}
      - {{search: {{bk_biz_ids: [-1]}}, labels: {{team: others}}}}
poll: {{interval: 5s, refresh: 1m, settle: 2s}}
# 9 minutes for fatal alerts and 18 for warnings, where lives go six times as fast as real ones.
ack_targets:
  - {{match: {{severity: fatal}}, within: 90s, objective: 0.9}}
  - {{match: {{severity: warning}}, within: 3m, objective: 0.8}}
ledger: {{url: "sqlite:///{folder}/bkmonitor-flow.db"}}
web: {{birth_hold: 30s}}
"""


def demo_world(epoch: float) -> SimulatorSettings:
    """Return a lively world: an hour of history, a new alert every 20 seconds, lives six times as fast as real ones."""
    return SimulatorSettings(dialect="documented", epoch=epoch, history=3600.0, alerts_per_hour=180.0, speed=6.0)


@contextmanager
def demo_source() -> Iterator[tuple[Simulator, Settings]]:
    """Give a running simulator and the settings to watch it; its folder is gone afterwards."""
    world = demo_world(time.time())
    with tempfile.TemporaryDirectory(prefix="bkmonitor-flow-demo-") as folder, Simulator(world) as simulator:
        config = Path(folder, "config.yaml")
        config.write_text(
            _CONFIG.format(
                url=simulator.url,
                app_code=world.app_code,
                app_secret=world.app_secret,
                username=world.username,
                folder=folder,
            )
        )
        yield simulator, load_config(config, {})
