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
from exporter.blueking.redaction import Redactor

__all__ = [
    "BadRequest",
    "BlueKing",
    "BlueKingError",
    "Head",
    "NoSuchAlert",
    "NotAllowed",
    "Reason",
    "Redactor",
    "TimedOut",
    "TooFast",
    "Unreachable",
    "Unreadable",
    "Upstream",
    "read_answer",
    "read_body",
    "read_log",
]
