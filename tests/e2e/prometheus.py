"""A real Prometheus that scrapes one exporter."""

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
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: flow
    static_configs: [{{targets: ["{target}"]}}]
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Where it listens, and where its log is."""

    url: str
    log: Path

    def query(self, query: str) -> Samples:
        """Return the result of an instant query by name and labels, without job and instance."""
        return {
            (result["metric"].get("__name__", ""), labels(_own(result["metric"]))): float(result["value"][1])
            for result in self._get("query", query=query)["result"]
        }

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
def running_prometheus(folder: Path, exporter_url: str) -> Iterator[Prometheus]:
    """Give a Prometheus on a free port of this machine; it ends with the block."""
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(target=exporter_url.removeprefix("http://")))
    address = f"127.0.0.1:{_free_port()}"
    prometheus = Prometheus(f"http://{address}", folder / "prometheus.log")
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={address}",
        "--log.level=info",
    ]
    with prometheus.log.open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            wait_until(lambda: _is_ready(prometheus.url), within=30)
            yield prometheus
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False
