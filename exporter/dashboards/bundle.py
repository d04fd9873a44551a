"""The dashboards that come with the exporter: in a wheel they lie in this package, in a checkout in grafana/."""

import json
from pathlib import Path
from typing import Any

_PLACES = (Path(__file__).parent / "bundled", Path(__file__).parents[2] / "grafana" / "dashboards")


def bundled() -> dict[str, dict[str, Any]]:
    """Return each dashboard, as JSON has it, by the name of its file; raises FileNotFoundError where there is none."""
    for place in _PLACES:
        files = sorted(place.glob("*.json"))
        if files:
            return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in files}
    raise FileNotFoundError("this installation has no dashboards")
