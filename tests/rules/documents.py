"""Rule documents of the tests: made for a config, read, and given to promtool."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from exporter.config import Settings, load_config
from exporter.rules import rules_document

TOP = Path(__file__).parents[2]
PROMETHEUS = TOP / "prometheus"
BUNDLED = PROMETHEUS / "rules" / "bkmonitor-flow.yml"
CONFIG = """\
sources:
  - name: prod
    url: https://bkapi.example.com
    auth: {app_code: flow, app_secret: hush, username: admin}
    watch: [{search: {bk_biz_ids: [2]}, labels: {team: "pay\\"ments {{ x }} 🔥", region: north}}]
"""


def settings_of(folder: Path, more: str = "") -> Settings:
    """Return the settings of the smallest config, with additions."""
    path = folder / "config.yaml"
    path.write_text(CONFIG + more, encoding="utf-8")
    return load_config(path, {})


def document_of(folder: Path, more: str = "") -> Path:
    """Return a file with the rules of the smallest config, with additions."""
    path = folder / "rules.yml"
    path.write_text(rules_document(settings_of(folder, more)), encoding="utf-8")
    return path


def rules_in(document: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rules of a rule file."""
    for group in yaml.safe_load(document.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def groups_in(document: Path) -> list[str]:
    """Return the names of the groups of a rule file, in their order."""
    return [group["name"] for group in yaml.safe_load(document.read_text(encoding="utf-8"))["groups"]]


def promtool(*arguments: str | Path) -> str:
    """Return what promtool complains about; nothing where it is content."""
    ended = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=280, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr
