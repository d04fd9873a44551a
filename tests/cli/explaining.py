"""Runs `explain` on a config of sources with one alert, which somebody acknowledged before it recovered."""

import json
import time
from pathlib import Path

from click.testing import CliRunner, Result

from exporter.cli import main
from exporter.simulator import Row

SECRET = "a-secret-that-nobody-prints"
CREATED = int(time.time()) - 600
ALERT_ID = f"{CREATED}00042"
ROWS = [Row(CREATED, "CREATE"), Row(CREATED + 3, "ACTION"), Row(CREATED + 90, "ACK"), Row(CREATED + 300, "RECOVER")]


def write_config(folder: Path, *urls: str, **source: object) -> Path:
    """Write a config of sources s0, s1, ... at these addresses, and return it."""
    good = {
        "auth": {"app_code": "flow-exporter", "app_secret": SECRET, "username": "admin"},
        "watch": [{"alerts": ["1"]}],
    }
    sources = [{"name": f"s{number}", "url": url, **good, **source} for number, url in enumerate(urls)]
    config = {
        "sources": sources,
        "ack_targets": [{"within": "2m"}],
        "poll": {"settle": "1s", "interval": "1s"},
        "ledger": {"url": f"sqlite:///{folder}/flow.db"},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    return path


def run(config: Path, *arguments: str, alert_id: str = ALERT_ID) -> Result:
    """Explain the alert."""
    return CliRunner().invoke(main, ["explain", f"--config.file={config}", *arguments, alert_id])
