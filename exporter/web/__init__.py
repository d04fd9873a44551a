"""What the exporter serves: /metrics, its health, and a page that tells where to look."""

from exporter.web.app import make_app
from exporter.web.server import ListenError, Server, parse_address

__all__ = ["ListenError", "Server", "make_app", "parse_address"]
