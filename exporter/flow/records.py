"""Flow records: one alert's log as the API told it, free of wire shapes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
OTHER = "OTHER"


class Operate(StrEnum):
    """The operates that change what we know of an alert; any other one is only counted (seeds, api.md)."""

    CREATE = "CREATE"
    CONVERGE = "CONVERGE"
    ACK = "ACK"
    ACTION = "ACTION"
    ANOMALY_NOTICE = "ANOMALY_NOTICE"
    RECOVER = "RECOVER"
    SYSTEM_RECOVER = "SYSTEM_RECOVER"
    CLOSE = "CLOSE"
    SYSTEM_CLOSE = "SYSTEM_CLOSE"


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """One row of an alert's log.

    `operate` and `status` have been through `open_name`. `created_at` is in unix seconds. `anomaly_count` is None
    where the row carries none, as on servers since 2022.
    """

    operate: str
    status: str
    created_at: float
    anomaly_count: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """All records of an alert as answered now, newest first; `rejected` counts the unreadable rows by reason."""

    records: tuple[FlowRecord, ...] = ()
    rejected: Mapping[str, int] = field(default_factory=dict)


def open_name(name: object) -> str:
    """Return an operate or status under its own name, or `OTHER` where it has not the shape of one.

    Both are open sets (api.md); the shape keeps label values sane and their number small.
    """
    return name if isinstance(name, str) and _NAME.fullmatch(name) else OTHER
