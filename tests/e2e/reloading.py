"""Reloads of a running process, by a signal or over HTTP."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.e2e.bad_days import Clothes, Deployment, expect_right, running, write_config
from tests.e2e.harness import ExporterProcess, wait_until

LIFECYCLE = "--web.enable-lifecycle"
Config = dict[str, Any]


def post(exporter: ExporterProcess) -> requests.Response:
    """Ask for a reload over HTTP."""
    return requests.post(f"{exporter.url}/-/reload", timeout=30)


def change(config: Path, by: Callable[[Config], None]) -> None:
    """Rewrite a config."""
    document = yaml.safe_load(config.read_text())
    by(document)
    config.write_text(yaml.safe_dump(document))


def reloads(exporter: ExporterProcess) -> int:
    """Return how many reloads the log tells of, good ones and bad ones."""
    return sum("config reloaded" in line or "config is not reloaded" in line for line in exporter.log)


def reload_by_signal(exporter: ExporterProcess) -> None:
    """Send SIGHUP, and wait until it was heeded."""
    before = reloads(exporter)
    exporter.signal(signal.SIGHUP)
    wait_until(lambda: reloads(exporter) > before, within=20)
    assert reloads(exporter) > before


@contextmanager
def watched(folder: Path, *names: str) -> Iterator[tuple[ExporterProcess, list[Deployment], Path]]:
    """Give a process that watches deployments and may be reloaded over HTTP, in the morning, when all is well."""
    deployments = [Deployment(name, Clothes.ESB) for name in names]
    with running(deployments):
        config = write_config(folder, [deployment.source() for deployment in deployments])
        with ExporterProcess(config, LIFECYCLE) as exporter:
            expect_right(exporter, deployments)
            yield exporter, deployments, config
