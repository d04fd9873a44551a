"""A real Alertmanager that takes alerts and tells nobody."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import which

import requests

from tests.e2e.harness import wait_until
from tests.e2e.prometheus import free_port, is_ready

# Debian's name, and everybody else's.
_NAMES = ("prometheus-alertmanager", "alertmanager")
_CONFIG = """\
route: {receiver: nobody}
receivers: [{name: nobody}]
"""


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert as Alertmanager has it; `starts_at` is when it began to fire, in unix seconds."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: float


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """Where it listens."""

    url: str

    def firing(self, name: str) -> list[FiringAlert]:
        """Return the alerts of a rule that fire at present, by their labels' order."""
        asked = {"filter": f'alertname="{name}"'}
        answer = requests.get(f"{self.url}/api/v2/alerts", params=asked, timeout=5)
        answer.raise_for_status()
        found = (
            FiringAlert(alert["labels"], alert["annotations"], datetime.fromisoformat(alert["startsAt"]).timestamp())
            for alert in answer.json()
        )
        return sorted(found, key=lambda alert: sorted(alert.labels.items()))


@contextmanager
def running_alertmanager(folder: Path) -> Iterator[Alertmanager]:
    """Give an Alertmanager on a free port of this machine, on its own; it ends with the block."""
    config = folder / "alertmanager.yml"
    config.write_text(_CONFIG)
    address = f"127.0.0.1:{free_port()}"
    installed = [name for name in _NAMES if which(name)]
    assert installed, "no Alertmanager is installed; on Debian: apt-get install prometheus-alertmanager"
    command = [
        installed[0],
        f"--config.file={config}",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    log_file = folder / "alertmanager.log"
    with log_file.open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            wait_until(lambda: is_ready(f"http://{address}"), within=30)
            yield Alertmanager(f"http://{address}")
        finally:
            process.terminate()
            process.wait(20)
