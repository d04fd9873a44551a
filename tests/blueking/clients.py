"""Clients of made-up sources: each with the settings that a test gives, all with one observer and one clock."""

from dataclasses import dataclass, field
from typing import Any

from exporter.blueking import BlueKing
from exporter.config import SourceSettings

SECRET = "s3cr3t/of the+app%&"
ADDRESS = "https://bk.test/api/c/compapi/v2/monitor_v3/get_event_log/"
NOW = 1_700_000_000.0


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
