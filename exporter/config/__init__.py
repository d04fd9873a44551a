"""YAML to validated settings: every fault at once, by file, line and key; secrets that cannot print."""

from exporter.config.auth import AuthSettings
from exporter.config.duration import format_duration, parse_duration
from exporter.config.effective import effective_yaml
from exporter.config.faults import ConfigError, Fault, OutOfReach
from exporter.config.fields import LabelSettings
from exporter.config.labels import ALERT_ID
from exporter.config.limits import LimitSettings
from exporter.config.loader import load_config
from exporter.config.schema import json_schema
from exporter.config.search import ConditionSettings, SearchSettings
from exporter.config.secret import Secret
from exporter.config.settings import HistogramSettings, LedgerSettings, PollSettings, Settings, WebSettings
from exporter.config.signature import FileSignature, file_signature
from exporter.config.source import PathSettings, RateLimitSettings, SourceSettings, TlsSettings, WatchSettings
from exporter.config.targets import AckTargetSettings
from exporter.config.watch_files import WatchGroup, load_watch_file, matching_files
from exporter.config.web_file import RequestLimit, WebFile, load_web_file
from exporter.config.web_tls import ServerTls

__all__ = [
    "ALERT_ID",
    "AckTargetSettings",
    "AuthSettings",
    "ConditionSettings",
    "ConfigError",
    "Fault",
    "FileSignature",
    "HistogramSettings",
    "LabelSettings",
    "LedgerSettings",
    "LimitSettings",
    "OutOfReach",
    "PathSettings",
    "PollSettings",
    "RateLimitSettings",
    "RequestLimit",
    "SearchSettings",
    "Secret",
    "ServerTls",
    "Settings",
    "SourceSettings",
    "TlsSettings",
    "WatchGroup",
    "WatchSettings",
    "WebFile",
    "WebSettings",
    "effective_yaml",
    "file_signature",
    "format_duration",
    "json_schema",
    "load_config",
    "load_watch_file",
    "load_web_file",
    "matching_files",
    "parse_duration",
]
