"""A real Prometheus that scrapes exporters."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.e2e.harness import Samples, labels, wait_until

_CONFIG = """\
global: {{scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: 1s}}
scrape_configs:
  - job_name: flow
    static_configs: [{{targets: {targets}}}]
{how}
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Where it listens, and where its log is."""

    url: str
    log: Path

    def query(self, query: str, at: float | None = None) -> Samples:
        """Return the result of a query at a moment, else now, by name and labels, without job and instance."""
        when = {} if at is None else {"time": f"{at:.3f}"}
        return {
            (result["metric"].get("__name__", ""), labels(_own(result["metric"]))): float(result["value"][1])
            for result in self._get("query", query=query, **when)["result"]
        }

    def exemplars(self, query: str, start: float, end: float) -> list[dict[str, Any]]:
        """Return the exemplars of the series that a query names, between two moments: labels, value, timestamp."""
        series = self._get("query_exemplars", query=query, start=f"{start:.3f}", end=f"{end:.3f}")
        return [exemplar for one in series for exemplar in one["exemplars"]]

    def targets(self) -> list[dict[str, Any]]:
        """Return the scraped targets with their health and last error."""
        return list(self._get("targets")["activeTargets"])

    def complaints(self) -> list[str]:
        """Return the lines of its log above info."""
        return [line for line in self.log.read_text().splitlines() if "level=info" not in line.lower() and line]

    def _get(self, path: str, **params: str) -> Any:
        return requests.get(f"{self.url}/api/v1/{path}", params=params, timeout=5).json()["data"]


def _own(metric: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in metric.items() if name not in {"__name__", "job", "instance"}}


@contextmanager
def running_prometheus(
    folder: Path, *exporter_urls: str, more: str = "", every: str = "1s", how: str = ""
) -> Iterator[Prometheus]:
    """Give a Prometheus on a free port of this machine that scrapes so often; it ends with the block.

    `more` is added to its config, `how` to that of the job, in its indentation.
    """
    config = folder / "prometheus.yml"
    targets = json.dumps([url.partition("://")[2] for url in exporter_urls])
    config.write_text(_CONFIG.format(targets=targets, every=every, how=how) + more)
    address = f"127.0.0.1:{free_port()}"
    prometheus = Prometheus(f"http://{address}", folder / "prometheus.log")
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--log.level=info",
    ]
    with prometheus.log.open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            wait_until(lambda: is_ready(prometheus.url), within=30)
            yield prometheus
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    """Return a port of this machine that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(url: str) -> bool:
    """Tell whether a Prometheus, or an Alertmanager, says that it is ready."""
    try:
        return requests.get(f"{url}/-/ready", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False
