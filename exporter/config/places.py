"""The types of values that point elsewhere: addresses, paths, files, glob patterns, time zones."""

import glob
import os
import re
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from exporter.config.model import Surroundings
from exporter.config.scalars import Reads, did_you_mean, read_text, read_untold
from exporter.config.secret import Secret

# What libpq may be told in a URL: nothing that is secret, or that the exporter sets itself.
_POSTGRESQL_OPTIONS = frozenset(
    {
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "host",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "options",
        "passfile",
        "port",
        "require_auth",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)
_UNSAFE = re.compile(r"[\s?#\\\x00-\x1f\x7f]")


def _check_address(address: str, *, user: bool = False) -> None:
    """Raise ValueError unless `address` is http or https with a host; it may hold a password, so none shows it."""
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or _UNSAFE.search(address) or ("@" in address and not user):
        without = "query or fragment" if user else "user, query or fragment"
        raise ValueError(f"expected http://HOST[:PORT][/PATH] or https://…, without {without}")


def _read_address(value: object) -> str:
    text = read_untold(value)
    _check_address(text)
    return text


def _read_path_or_address(value: object) -> str:
    text = read_untold(value)
    if "://" in text:
        return _read_address(text)
    if not text.startswith("/") or _UNSAFE.search(text):
        # The path stays untold like the address: secrets are written into queries.
        raise ValueError('expected a path that begins with "/", or a whole address, without query or fragment')
    return text


def _check_proxy(proxy: Secret) -> Secret:
    _check_address(proxy.reveal(), user=True)
    return proxy


def _folder(validation: ValidationInfo) -> Path:
    return validation.context.folder if isinstance(validation.context, Surroundings) else Path()


def _find_file(value: object, validation: ValidationInfo) -> Path:
    path = _folder(validation) / (value if isinstance(value, Path) else read_untold(value))
    try:
        usable = path.is_file() and os.access(path, os.R_OK)
    except OSError:
        usable = False
    if not usable:
        raise ValueError("no such file, or not readable (relative names start at the folder of the config file)")
    return path


def anchored(pattern: str, folder: Path) -> str:
    """Return a glob pattern as an absolute one: below `folder`, whose own name is no pattern."""
    return str(Path(glob.escape(str(folder.absolute()))) / pattern)


def _anchor_pattern(value: object, validation: ValidationInfo) -> str:
    return anchored(read_text(value), _folder(validation))


def _read_zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    text = read_untold(value)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        hint = _nearest_zones(text) or ", expected one such as Asia/Shanghai"
        raise ValueError(f"unknown time zone{hint}") from None


def _nearest_zones(text: str) -> str:
    zones = {zone.lower(): zone for zone in sorted(available_timezones())}
    return did_you_mean(zones[near] for near in get_close_matches(text.lower(), zones, 2, 0.75))


def _read_ledger_url(value: object) -> str:
    """Return a URL of SQLAlchemy; no message shows it, for it may hold a password."""
    text = read_untold(value)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("expected a URL such as sqlite:///bkmonitor-flow.db") from None
    if url.drivername == "postgresql+psycopg":
        _check_postgresql(text, url)
        return text
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ValueError("expected sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")
    if (url.database or "").lower().startswith("file:") or "uri" in url.query:
        raise ValueError("expected sqlite:///FILE with the plain name of a file: no file: URI, and no option uri")
    if not url.database or url.host or url.database == ":memory:" or url.query.get("mode") == "memory":
        raise ValueError("expected sqlite:///FILE, three slashes and the name of a file")
    return text


def _check_postgresql(text: str, url: URL) -> None:
    before_at, at, _ = text.partition("://")[2].rpartition("@")
    if at and re.search(r"[\s@/?#]", before_at):
        raise ValueError("expected user and password percent-encoded: %40 for @, %2F for /, %3A for :, %3F for ?")
    if not url.database or not (url.host or url.query.get("host")):
        raise ValueError("expected postgresql+psycopg://USER@HOST/DATABASE, or ?host= and the folder of a socket")
    if unknown := sorted(url.query.keys() - _POSTGRESQL_OPTIONS):
        known = get_close_matches(unknown[0], _POSTGRESQL_OPTIONS, 1, 0.75)
        hint = did_you_mean(known) or "; a password stands before the @, or in a file named by passfile"
        raise ValueError(f"an option after the ? is unknown{hint}")


def _read_alert_url(value: object) -> str:
    text = read_untold(value)
    try:
        fields = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        raise ValueError("expected each { to begin a placeholder such as {alert_id}; {{ stands for a {") from None
    if any(spec or conversion for _name, spec, conversion in fields):
        raise ValueError("a placeholder is a plain name such as {alert_id}")
    if not text.startswith(("http://", "https://")):
        raise ValueError("expected an http or https address with placeholders such as {alert_id}")
    return text


def _text(title: str, **more: object) -> dict[str, object]:
    """Return the JSON Schema of a text that stands for what `title` says."""
    return {"title": title, "type": "string", **more}


_ADDRESS = _text("an http or https address", pattern="^https?://[^\\s?#@]+$")
_PATH = _text("a path, or an http or https address", pattern="^(/|https?://)[^\\s?#@]*$")
_LEDGER = _text(
    "a URL of SQLAlchemy", pattern="^(sqlite(\\+pysqlite)?:///(?!file:).|postgresql\\+psycopg://[^/?#]*/[^?#])"
)
_ALERT = _text("an http or https address with placeholders", pattern="^https?://")

Address = Annotated[str, Reads(_read_address, _ADDRESS)]
PathOrAddress = Annotated[str, Reads(_read_path_or_address, _PATH)]
ProxyAddress = Annotated[
    Secret, AfterValidator(_check_proxy), WithJsonSchema(_text("an http or https address, secret", minLength=1))
]
ExistingFile = Annotated[Path, BeforeValidator(_find_file), WithJsonSchema(_text("a file", format="path"))]
FilePattern = Annotated[str, BeforeValidator(_anchor_pattern), WithJsonSchema(_text("a pattern of files", minLength=1))]
Zone = Annotated[ZoneInfo, Reads(_read_zone, _text("a time zone", examples=["Asia/Shanghai", "UTC"]))]
LedgerUrl = Annotated[str, Reads(_read_ledger_url, _LEDGER)]
AlertUrl = Annotated[str, Reads(_read_alert_url, _ALERT)]
