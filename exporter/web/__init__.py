"""What the exporter serves: /metrics, its health, and a page that tells where to look."""

from exporter.web.app import make_app
from exporter.web.config_page import add_config_page
from exporter.web.paths import parse_telemetry_path
from exporter.web.reload import add_reload
from exporter.web.server import ListenError, Server, parse_address
from exporter.web.web_config import WebConfig

__all__ = [
    "ListenError",
    "Server",
    "WebConfig",
    "add_config_page",
    "add_reload",
    "make_app",
    "parse_address",
    "parse_telemetry_path",
]
