"""Data flows one way: which room may import which."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "exporter"
MAY_IMPORT = {
    "flow": set(),
    "simulator": set(),
    "config": set(),
    "blueking": {"config", "flow", "watchdog"},
    "watch": {"blueking", "config", "flow"},
    "ledger": {"flow", "watchdog"},
    "metrics": {"flow", "ledger"},
    "poller": {"blueking", "config", "flow", "ledger", "metrics", "watch"},
    "online": {"blueking", "config", "flow", "watch"},
    "estimate": {"blueking", "config", "flow", "ledger", "metrics", "watch"},
    "backfill": {"blueking", "config", "flow", "ledger", "metrics", "poller", "watch"},
    "explain": {"config", "flow", "ledger", "metrics"},
    "rules": {"config"},
    "dashboards": {"config", "rules"},
    "web": {"config", "explain", "flow", "ledger", "metrics"},  # a page tells an alert as explain does
    "service": {"blueking", "config", "flow", "ledger", "metrics", "poller", "watch", "web"},
    "commands": {
        "backfill",
        "blueking",
        "config",
        "dashboards",
        "demo",
        "estimate",
        "explain",
        "flow",
        "ledger",
        "logs",
        "metrics",
        "online",
        "poller",
        "rules",
        "service",
        "simulated_watch",
        "simulator",
        "watch",
        "web",
    },
}


def imported_rooms(path: Path) -> set[str]:
    """Return the rooms that a module imports from; the package itself, for its version, is none."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    parts = [name.split(".") for name in names if name.startswith("exporter.")]
    return {room for _, room, *_ in parts if room != "__version__"}


def test_a_room_imports_only_from_the_rooms_below_it() -> None:
    """A lower layer never imports a higher one; every room has its place."""
    assert {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} == set(MAY_IMPORT)
    for room, allowed in MAY_IMPORT.items():
        for path in (ROOT / room).rglob("*.py"):
            assert imported_rooms(path) <= allowed | {room}, path
