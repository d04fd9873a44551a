"""A check: what was asked about a source, how that went, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check went; only `FAILED` says that the exporter cannot work as configured."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a source: its verdict, what was found in one line, and what to do, a line for each way out.

    Holds no secret.
    """

    source: str
    name: str
    verdict: Verdict
    found: str
    advice: tuple[str, ...] = ()
