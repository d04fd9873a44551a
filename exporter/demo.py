"""The demo: a simulated BlueKing and the exporter that watches it, in one process, with nothing to configure."""

import json
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.config import Settings, load_config
from exporter.simulator import Simulator, SimulatorSettings, World

_WATCHED_FOR = 6 * 3600.0  # seconds after its creation that an alert stays in the watch file
_WRITE_EVERY = 1.0

_CONFIG = """\
# The demo's config: a source that is simulated, watched through a file that lists its alerts.
sources:
  - name: demo
    url: {url}
    auth: {{app_code: {app_code}, app_secret: {app_secret}, username: {username}}}
    rate_limit: {{requests_per_second: 100, burst: 200, concurrency: 8}}
    watch:
      - files: [watch.json]
poll: {{interval: 5s, acked_interval: 15s, settle: 2s}}
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
    with tempfile.TemporaryDirectory(prefix="bkmonitor-flow-demo-") as name, Simulator(world) as simulator:
        folder = Path(name)
        with watch_file_kept(folder / "watch.json", simulator.world, time.time):
            config = folder / "config.yaml"
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


@contextmanager
def watch_file_kept(path: Path, world: World, clock: Callable[[], float]) -> Iterator[None]:
    """Keep a watch file that lists the world's recent alerts by team, as somebody's script would."""
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(_WRITE_EVERY):
            write_watch_file(path, world, clock())

    write_watch_file(path, world, clock())
    thread = threading.Thread(target=keep, name="watch-file", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def write_watch_file(path: Path, world: World, now: float) -> None:
    """Write the alerts that exist at `now`, in one step, and only where that changes the file."""
    teams: dict[str, list[str]] = defaultdict(list)
    for alert in world.alerts(now):
        if alert.created_at >= now - _WATCHED_FOR:
            teams[alert.team].append(alert.id)
    text = json.dumps([{"alerts": teams[team], "labels": {"team": team}} for team in sorted(teams)], indent=1)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
