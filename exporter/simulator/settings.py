"""The settings of a simulated BlueKing: with `now`, all that its world is a function of."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from exporter.simulator.faults import Faults

Dialect = Literal["documented", "today"]
Placement = Literal["params", "header", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """What the simulated BlueKing is like; raises ValueError for what cannot be.

    `epoch` is the moment live time starts, in unix seconds. Its default is fixed, so that one seed means one
    world; whoever simulates in real time passes the moment of the start. Alerts are created from
    `epoch - history` to `epoch + duration` (seconds), `alerts_per_hour` of them whatever `speed` is: that
    divides only the durations within a life. `timezone` is that of the server process: row times are written
    in it, without offset.

    `auth` tells where credentials are read (api.md): parameters only, as an old ESB; the header only, as the
    API gateway; or the header before the parameters, as a current ESB. A caller shows `app_code`,
    `app_secret` and either `username` or any token.
    """

    seed: int = 1
    dialect: Dialect = "today"
    epoch: float = 1_767_225_600.0
    history: float = 86_400.0
    duration: float = math.inf
    alerts_per_hour: float = 30.0
    speed: float = 1.0
    timezone: str = "Asia/Shanghai"
    auth: Placement = "both"
    app_code: str = "flow-exporter"
    app_secret: str = "not-a-secret"  # noqa: S105 - made up: it opens nothing but this simulation
    username: str = "admin"
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if self.dialect not in get_args(Dialect):
            raise ValueError(f"dialect: expected one of {get_args(Dialect)}, got {self.dialect!r}")
        if self.auth not in get_args(Placement):
            raise ValueError(f"auth: expected one of {get_args(Placement)}, got {self.auth!r}")
        if self.speed <= 0:
            raise ValueError(f"speed: expected more than 0, got {self.speed!r}")
        if min(self.history, self.duration, self.alerts_per_hour) < 0:
            raise ValueError("history, duration and alerts_per_hour: expected 0 or more")
        ZoneInfo(self.timezone)
