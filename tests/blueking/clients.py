"""Clients of made-up sources, and the questions to ask them: each with the settings that a test gives, one clock."""

from dataclasses import dataclass, field
from typing import Any

from exporter.blueking import BlueKing, SearchQuery
from exporter.config import SourceSettings
from tests.blueking.loopback import ONE_ALERT, ONE_RECORD

SECRET = "s3cr3t/of the+app%&"
NOW = 1_700_000_000.0
QUERY = SearchQuery(bk_biz_ids=(2, 3), start=NOW - 60, end=NOW)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the endpoints: what it is asked, and a good answer of it, which carries one thing."""

    name: str
    method: str
    fields: dict[str, Any]
    good: dict[str, Any]

    @property
    def path(self) -> str:
        """Where it is on an ESB."""
        return f"/api/c/compapi/v2/monitor_v3/{self.name}/"

    def ask(self, client: BlueKing) -> int:
        """Ask, and return how many things the answer carries."""
        if self.name == "search_alert":
            return len(client.search_alert(QUERY).sightings)
        return len(client.get_event_log(self.fields["id"]).records)


ENDPOINTS = (
    Endpoint("get_event_log", "GET", {"id": "168387970514723"}, ONE_RECORD),
    Endpoint("search_alert", "POST", QUERY.body(), ONE_ALERT),
)


def make_source(url: str = "https://bk.test", **settings: Any) -> SourceSettings:
    """Return the settings of a source; `auth` is added to a made-up application, with its user where none is given."""
    auth = {"app_code": "flow-exporter", "app_secret": SECRET} | (settings.pop("auth", None) or {})
    if not {"token", "access_token", "token_file"} & auth.keys():
        auth.setdefault("username", "admin")
    given = {"name": "prod", "url": url, "auth": auth, "watch": [{"alerts": ["1"]}], "timeout": 5}
    return SourceSettings.model_validate(given | settings)


@dataclass(slots=True)
class Clients:
    """Makes clients; `observed` tells endpoint and code of every request of theirs, `seconds` how long each took."""

    observed: list[tuple[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    made: list[BlueKing] = field(default_factory=list)

    def __call__(self, url: str = "https://bk.test", **settings: Any) -> BlueKing:
        """Return a client of the source at `url`."""
        client = BlueKing(make_source(url, **settings), observe=self._observe, now=lambda: NOW)
        self.made.append(client)
        return client

    def close(self) -> None:
        """Close them all."""
        for client in self.made:
            client.close()

    def _observe(self, endpoint: str, code: str, seconds: float) -> None:
        self.observed.append((endpoint, code))
        self.seconds.append(seconds)
