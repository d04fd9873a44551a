"""Places: where the endpoints of a source are, by host and port."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from exporter.config import SourceSettings

Endpoint = Literal["search_alert", "get_event_log"]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """A host with its port, whether TLS is spoken there, and the config's key that says so."""

    host: str
    has_tls: bool
    key: str = field(compare=False)


def path_of(source: SourceSettings, endpoint: Endpoint) -> str:
    """Return where the config says that an endpoint is: a path below the source's url, or a whole address."""
    return source.paths.search_alert if endpoint == "search_alert" else source.paths.get_event_log


def place_of(source: SourceSettings, endpoint: Endpoint) -> Place:
    """Return the place of an endpoint."""
    path = path_of(source, endpoint)
    is_below = path.startswith("/")
    parts = urlsplit(source.url if is_below else path)
    host = parts.netloc if parts.port else f"{parts.netloc}:{_PORTS[parts.scheme]}"
    return Place(host, parts.scheme == "https", "url" if is_below else f"paths.{endpoint}")


def endpoints_of(source: SourceSettings) -> tuple[Endpoint, ...]:
    """Return the endpoints that the watches of a source need, in the order in which they are asked."""
    searches = any(watch.search is not None for watch in source.watch)
    return ("search_alert", "get_event_log") if searches else ("get_event_log",)
