"""The only package that speaks HTTP to BlueKing: session, auth, endpoints, and what an error means."""

from exporter.blueking.answers import read_answer, read_body
from exporter.blueking.client import BlueKing
from exporter.blueking.errors import (
    BadRequest,
    BlueKingError,
    NoSuchAlert,
    NotAllowed,
    Reason,
    TimedOut,
    TooFast,
    Unreachable,
    Unreadable,
    Upstream,
)
from exporter.blueking.head import Head
from exporter.blueking.logs import read_log
from exporter.blueking.pages import Page, read_page
from exporter.blueking.redaction import Redactor
from exporter.blueking.searches import Condition, SearchQuery

__all__ = [
    "BadRequest",
    "BlueKing",
    "BlueKingError",
    "Condition",
    "Head",
    "NoSuchAlert",
    "NotAllowed",
    "Page",
    "Reason",
    "Redactor",
    "SearchQuery",
    "TimedOut",
    "TooFast",
    "Unreachable",
    "Unreadable",
    "Upstream",
    "read_answer",
    "read_body",
    "read_log",
    "read_page",
]
