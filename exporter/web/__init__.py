"""What the exporter serves: /metrics, its health, and a page that tells where to look.

The pages are in `exporter.web.app`, which only who serves them imports: their framework takes its time.
"""

from exporter.web.front import Front
from exporter.web.paths import parse_telemetry_path
from exporter.web.scrapes import Scrapes
from exporter.web.server import ListenError, Server, parse_address
from exporter.web.web_config import WebConfig

__all__ = [
    "Front",
    "ListenError",
    "Scrapes",
    "Server",
    "WebConfig",
    "parse_address",
    "parse_telemetry_path",
]
