"""Where the metrics may be served: beside what the server has at paths of its own."""

_TAKEN = ("/-/", "/alerts/", "/api/", "/config/", "/static/")


def parse_telemetry_path(path: str) -> str:
    """Return `path` as it is. Raises `ValueError` for what no request asks for, and where something else is served."""
    if not path.startswith("/") or "//" in path or not path.isprintable() or set(path) & set("<>?#% \\"):
        raise ValueError(f"expected a path such as /metrics, got {path!r}")
    if f"{path}/".startswith(_TAKEN):
        raise ValueError(f"expected a path such as /metrics, got {path!r}, where something else is served")
    return path
