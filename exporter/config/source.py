"""The settings of one source: where a BlueKing deployment is, who asks it, how hard, and which alerts are watched."""

from collections.abc import Iterator, Mapping
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from exporter.config.auth import AuthSettings
from exporter.config.headers import HeaderName, HeaderText, HeaderValue
from exporter.config.labels import AlertId, LabelName, LabelValue
from exporter.config.model import Finding, Model, Rule
from exporter.config.places import Address, ExistingFile, FilePattern, PathOrAddress, ProxyAddress, Zone
from exporter.config.rules import exactly_one, needs
from exporter.config.scalars import Flag, Some, duration, rate, shaped, whole
from exporter.config.search import SearchSettings

_ESB = "/api/c/compapi/v2/monitor_v3"

SourceName = Annotated[
    str,
    shaped(
        "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}",
        'up to 63 letters, digits, "_", "." and "-", a letter or digit first',
        untold=True,
    ),
]


class PathSettings(Model):
    """Where the API's endpoints are: a path below the source's url, or a whole address."""

    get_event_log: PathOrAddress = f"{_ESB}/get_event_log/"
    """Tells the flow records of an alert."""
    search_alert: PathOrAddress = f"{_ESB}/search_alert/"
    """Searches alerts; on an API gateway it ends in `/app/alert/search/`."""


class TlsSettings(Model):
    """How the source's certificate is checked, and which one the exporter shows."""

    rules = (needs("key_file", "cert_file"),)

    ca_file: ExistingFile | None = None
    """The authorities to trust (PEM); without it those that come with Python's requests."""
    cert_file: ExistingFile | None = None
    """The exporter's own certificate (PEM), for a server that asks for one."""
    key_file: ExistingFile | None = None
    """The key of `cert_file` (PEM), where it is a file of its own."""
    insecure_skip_verify: Flag = False
    """Trust any certificate; for tests only."""


class RateLimitSettings(Model):
    """How hard the source may be asked: each call makes the server search a year of log indices."""

    requests_per_second: Annotated[float, rate(at_most=10_000)] = 10.0
    """Requests a second in the long run."""
    burst: Annotated[int, whole(1, 10_000)] = 20
    """Requests that may go out at once after a quiet time."""
    concurrency: Annotated[int, whole(1, 256)] = 4
    """Requests that may be under way at the same time."""


class WatchSettings(Model):
    """A rule that selects alerts and gives them labels; where two select the same alert the first one wins."""

    rules = (exactly_one("alerts", "files", "search"),)

    alerts: Some[AlertId] = ()
    """Fixed alert ids."""
    files: Some[FilePattern] = ()
    """Patterns (`*`, `?`, `[...]`) of watch files, which list alerts, `[{alerts: [...], labels: {...}}]`, in YAML or
    JSON; re-read when they change. A pattern may match nothing yet."""
    search: SearchSettings | None = None
    """What to find alerts by with `search_alert`, open or ended."""
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict, title="a mapping of names to texts or numbers")
    """Labels for the alerts of this watch."""


def _one_proxy(given: Mapping[str, object]) -> Iterator[Finding]:
    if "proxy_url" in given and given.get("proxy_from_environment") is True:
        yield ("proxy_from_environment",), "contradicts proxy_url: give one of them"


_TWO_PROXIES = {
    "required": ["proxy_url", "proxy_from_environment"],
    "properties": {"proxy_from_environment": {"const": True}},
}


class SourceSettings(Model):
    """One BlueKing deployment."""

    rules = (Rule(_one_proxy, {"title": "at most one of proxy_url, proxy_from_environment", "not": _TWO_PROXIES}),)

    name: SourceName
    """The value of the label `source`. No two sources share one."""
    url: Address
    """The ESB or the API gateway: `http(s)://HOST[:PORT][/PATH]`, without user, query or fragment."""
    paths: PathSettings = PathSettings()
    """Where the API's endpoints are."""
    auth: AuthSettings
    """Who asks."""
    tenant_id: HeaderText | None = None
    """Sent as `X-Bk-Tenant-Id`; needed where a deployment has several tenants."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, title="a mapping of names to secrets")
    """Further headers of each request, `{Name: value}`."""
    timezone: Zone = ZoneInfo("Asia/Shanghai")
    """The time zone of the server process: the records' times are written in it, without saying so."""
    tls: TlsSettings = TlsSettings()
    """How the source's certificate is checked."""
    proxy_url: ProxyAddress | None = None
    """The proxy to the source, `http://[user:password@]HOST:PORT`."""
    proxy_from_environment: Flag = False
    """Take the proxy from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`."""
    timeout: Annotated[float, duration(at_least=0.001)] = 10.0
    """How long one request may take."""
    rate_limit: RateLimitSettings = RateLimitSettings()
    """How hard the source may be asked."""
    watch: Some[WatchSettings]
    """Which alerts are watched. Where two watches select the same alert, the first one wins."""
