"""The web config file, in the Prometheus exporter-toolkit's format: TLS, users, response headers, a limit of requests.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from exporter.config.document import read_document
from exporter.config.faults import ConfigError
from exporter.config.keys import key_paths
from exporter.config.model import Finding, Model, Rule, Surroundings
from exporter.config.report import judge
from exporter.config.scalars import Flag, Reads, did_you_mean, whole
from exporter.config.secret import Secret
from exporter.config.web_tls import ServerTls
from exporter.config.words import kind, shown

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?)(ns|us|µs|ms|s|m|h)")
_GO_DURATION = re.compile(f"({_GO_PART.pattern})+")


def _read_user(value: object) -> object:
    # The name stays untold: with the blank after its colon forgotten, the hash is a part of it.
    if not isinstance(value, str) or not value or ":" in value or not value.isprintable():
        raise ValueError("expected a user's name, without a colon")
    return value


def _check_hash(value: Secret) -> Secret:
    if not _BCRYPT.fullmatch(value.reveal()):
        raise ValueError("expected a bcrypt hash such as `htpasswd -nB NAME` prints behind the colon")
    return value


def _read_header(value: object) -> object:
    if not isinstance(value, str) or value not in _HEADERS:
        same = [name for name in _HEADERS if name.lower() == str(value).lower()]
        raise ValueError(f"cannot be set here{did_you_mean(same)}: expected one of {', '.join(_HEADERS)}")
    return value


def _read_header_value(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)  # X-XSS-Protection: 1
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {kind(value)}")
    if not re.fullmatch(r"[ -~]*", value):
        raise ValueError("expected one line of ASCII characters")
    return value.strip()


def _headers_mean_something(given: Mapping[str, object]) -> Iterator[Finding]:
    headers = given.get("headers")
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        choices = _HEADERS.get(str(name), ())
        if value and choices and value not in choices:
            yield ("headers", str(name)), f"expected {' or '.join(choices)}, got {shown(value)}"


def _read_go_duration(value: object) -> object:
    """Return seconds. A number is refused but for 0: for the toolkit it would be nanoseconds."""
    if value == 0 and not isinstance(value, bool):
        return 0.0
    if not isinstance(value, str) or not _GO_DURATION.fullmatch(value):
        raise ValueError(f"expected a duration such as 1s or 100ms, got {shown(value)}")
    return sum(float(number) * _UNITS[unit] for number, unit in _GO_PART.findall(value))


UserName = Annotated[str, Reads(_read_user, {"type": "string", "pattern": "^[^:]+$"})]
PasswordHash = Annotated[Secret, AfterValidator(_check_hash)]
HeaderName = Annotated[str, Reads(_read_header, {"enum": list(_HEADERS)})]
HeaderValue = Annotated[str, Reads(_read_header_value, {"type": "string"})]


class HttpServer(Model):
    """What every response carries."""

    rules = (Rule(_headers_mean_something),)

    http2: Flag = True
    """Has no effect: HTTP/1.1 is spoken, which every client of HTTP/2 falls back to."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """Headers to add to every response; one that is blank is not set."""


class RequestLimit(Model):
    """How many requests are answered: a token bucket over all clients together."""

    interval: Annotated[float, Reads(_read_go_duration, {"anyOf": [{"type": "string"}, {"const": 0}]})] = 0.0
    """The time between two requests in the long run; 0 is no limit."""
    burst: Annotated[int, whole(0, 1_000_000)] = 0
    """Requests that may come at once after a quiet time."""


def _check_limit(limit: RequestLimit) -> RequestLimit:
    if limit.interval and not limit.burst:
        raise ValueError("with a burst of 0 no request at all would be answered")
    return limit


class WebFile(Model):
    """The web config file of the Prometheus exporter-toolkit."""

    tls_server_config: ServerTls | None = None
    """The certificate to show; without it plain HTTP is spoken."""
    http_server_config: HttpServer = HttpServer()
    """What every response carries."""
    basic_auth_users: dict[UserName, PasswordHash] = Field(default_factory=dict)
    """The users who are let in, each with the bcrypt hash of a password; without any everybody is."""
    rate_limit: Annotated[RequestLimit, AfterValidator(_check_limit)] = RequestLimit()
    """How many requests are answered."""


_KEYS = tuple(key_paths(WebFile))


def load_web_file(path: Path) -> WebFile:
    """Return what a web config file says, with its certificates loaded; file names are relative to its folder.

    An empty file is a fault, unlike with the toolkit: it may be half written, and would let everybody in. Raises
    ConfigError with all faults; `OutOfReach` where the system does not let it, or a certificate, be read just now.
    """
    document = read_document(path)
    surroundings = Surroundings(path.parent.absolute(), {})
    web_file, faults = judge(document, lambda value: WebFile.model_validate(value, context=surroundings), _KEYS)
    if web_file is None or faults:
        raise ConfigError(sorted(faults, key=lambda fault: fault.line))
    return web_file
