"""Builds the dashboards and writes them as JSON."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.flow import flow
from grafana.health import health
from grafana.response import response

FOLDER = Path(__file__).parent / "dashboards"
_BOARDS = {"alert-response.json": response, "alert-flow.json": flow, "exporter-health.json": health}


def documents() -> dict[str, str]:
    """Return each dashboard as JSON text, by the name of its file; panels are numbered in their order."""
    texts = {}
    for name, board in _BOARDS.items():
        document = json.loads(JSONEncoder().encode(board().build()))
        for number, panel in enumerate(document["panels"], 1):
            panel["id"] = number
        texts[name] = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return texts


def write() -> None:
    """Write every dashboard where it belongs."""
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
