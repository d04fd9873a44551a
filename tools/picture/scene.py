"""A scene to draw: a simulated BlueKing with a day of history, the exporter, and a Prometheus that has both.

`python -m tools.picture.scene` prints where that Prometheus is, and goes on until it is interrupted. The day before is
written by `backfill`; what belongs to the present comes from the running exporter.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from exporter.simulator import Simulator, SimulatorSettings

_HISTORY = 36 * 3600.0
_COMMAND = str(Path(sys.executable).with_name("bkmonitor-flow-exporter"))
_CONFIG = """\
sources:
  - name: prod
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: 200, burst: 200, concurrency: 8}}
    watch:
      - {{search: {{bk_biz_ids: [2]}}, labels: {{team: payments}}}}
      - {{search: {{bk_biz_ids: [3]}}, labels: {{team: infra}}}}
      - {{search: {{bk_biz_ids: [-1]}}, labels: {{team: search}}}}
ack_targets:
  - {{match: {{severity: fatal}}, within: 15m, objective: 0.6}}
  - {{match: {{severity: warning}}, within: 30m, objective: 0.5}}
# BlueKing reacts faster than the default bounds can tell.
histograms: {{time_to_first_action: [2s, 5s, 10s, 15s, 20s, 30s, 1m, 5m]}}
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""
_PROMETHEUS = """\
scrape_configs:
  - job_name: bkmonitor-flow
    scrape_interval: 5s
    static_configs: [{{targets: ["{target}"]}}]
"""


@contextmanager
def scene(folder: Path) -> Iterator[tuple[str, Path]]:
    """Give the address of the Prometheus, and the folder with dashboards that fit."""
    now = float(int(time.time()))
    world = SimulatorSettings(dialect="documented", epoch=now, history=_HISTORY, alerts_per_hour=14)
    with ExitStack() as running:
        simulator = running.enter_context(Simulator(world))
        config = folder / "config.yaml"
        config.write_text(_CONFIG.format(url=simulator.url, folder=folder), encoding="utf-8")
        _backfilled(folder, config, now)
        exporter, prometheus = (f"127.0.0.1:{_free_port()}" for _ in range(2))
        serve = [_COMMAND, "serve", f"--config.file={config}", f"--web.listen-address={exporter}"]
        running.enter_context(_process(folder / "exporter.log", serve))
        (folder / "prometheus.yml").write_text(_PROMETHEUS.format(target=exporter), encoding="utf-8")
        stored = [f"--storage.tsdb.path={folder}/tsdb", "--enable-feature=exemplar-storage"]
        listening = [f"--config.file={folder}/prometheus.yml", f"--web.listen-address={prometheus}"]
        running.enter_context(_process(folder / "prometheus.log", ["prometheus", *listening, *stored]))
        yield f"http://{prometheus}", folder / "dashboards"


def _backfilled(folder: Path, config: Path, until: float) -> None:
    """Write the day before as blocks of Prometheus, and the dashboards for the config."""
    history = folder / "history.om"
    labels = ["--label=job=bkmonitor-flow", "--label=instance=history"]
    span = [f"--from={until - _HISTORY:.0f}", f"--to={until:.0f}"]
    for command in (
        [_COMMAND, "backfill", f"--config.file={config}", f"--output={history}", *span, *labels],
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(history), f"{folder}/tsdb"],
        [_COMMAND, "dashboards", f"--config.file={config}", f"--output={folder}/dashboards"],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words


@contextmanager
def _process(log: Path, command: list[str]) -> Iterator[None]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:  # noqa: S603
        try:
            yield
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to work; else a passing one.")
def main(folder: Path | None) -> None:
    """Set the scene, until interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as held:
        place = folder or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="bkmonitor-flow-scene-")))
        place.mkdir(parents=True, exist_ok=True)
        prometheus, dashboards = held.enter_context(scene(place))
        click.echo(f"Prometheus at {prometheus}, dashboards in {dashboards}")
        threading.Event().wait()


if __name__ == "__main__":
    main()
