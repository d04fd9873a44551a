"""Files that tests watch: a config of one source, and its watch file."""

import json
from collections.abc import Mapping
from pathlib import Path

from exporter.config import SourceSettings, load_config


def write_file(path: Path, text: str) -> None:
    """Replace a file in one step, as careful writers do."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def write_watch_file(folder: Path, *alert_ids: str) -> None:
    """Write `watch.yaml`, which lists these alerts."""
    write_file(folder / "watch.yaml", json.dumps([{"alerts": list(alert_ids)}]))


def make_source(folder: Path, watch: str = "[{files: [watch.yaml]}]", **more: Mapping[str, object]) -> SourceSettings:
    """Return a source that nobody answers for, with these watches and further settings."""
    path = folder / "config.yaml"
    path.write_text(
        "sources:\n- name: prod\n  url: http://127.0.0.1:9\n  auth: {app_code: a, app_secret: b, username: c}\n"
        f"  watch: {watch}\n" + "".join(f"  {key}: {json.dumps(value)}\n" for key, value in more.items())
    )
    return load_config(path, {}).sources[0]
