"""An alert and its life: who it is, its rows, and what the alert's own document says of its ack and end."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from exporter.simulator.rows import Row

Status = Literal["RECOVERED", "CLOSED"]

# What search_alert calls the end that a row tells of; an alert that has none is ABNORMAL there.
ENDS_AS: dict[str, Status] = {
    "RECOVER": "RECOVERED",
    "SYSTEM_RECOVER": "RECOVERED",
    "CLOSE": "CLOSED",
    "SYSTEM_CLOSE": "CLOSED",
    "ALERT_QOS": "CLOSED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Who an alert is: what never changes. `created_at` and `begun_at` are in unix seconds.

    The first ten digits of `id` are `created_at`. `team` is no field of BlueKing: a label of watches.
    """

    id: str
    team: str
    created_at: int
    begun_at: int
    alert_name: str
    severity: int = 2
    bk_biz_id: int | str = 2
    strategy_id: int | None = None
    strategy_name: str | None = None
    is_shielded: bool = False
    category: str = "os"
    ip: str = "192.0.2.1"
    assignee: str = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """An alert with all that ever happens to it, in unix seconds.

    `rows` holds the rows that are not lost, in any order. `acked_at`, `ended_at` and `ended_as` are what
    search_alert knows, whether or not a row tells it; None means never. `quiet_at` is when the last anomaly
    comes: the end, for an alert that ends.
    """

    alert: Alert
    rows: tuple[Row, ...]
    quiet_at: int
    acked_at: int | None = None
    ended_at: int | None = None
    ended_as: Status | None = None

    def acked(self, now: float) -> bool:
        """Tell whether the alert's own document says at `now` that somebody acknowledged it."""
        return self.acked_at is not None and self.acked_at <= now

    def ended(self, now: float) -> bool:
        """Tell whether the alert's own document says at `now` that it is over."""
        return self.ended_at is not None and self.ended_at <= now


def life_of(
    alert_id: str,
    rows: Iterable[Row],
    *,
    team: str = "infra",
    severity: int = 2,
    bk_biz_id: int | str = 2,
    is_shielded: bool = False,
) -> Life:
    """Return the life that rows written by hand tell: created when the id says, acked and ended as they do.

    The first ten characters of `alert_id` are unix seconds; raises ValueError where they are no number.
    """
    told, created_at = tuple(rows), int(alert_id[:10])
    end = next((row for row in told if row.operate in ENDS_AS), None)
    return Life(
        alert=Alert(
            id=alert_id,
            team=team,
            created_at=created_at,
            begun_at=created_at - 60,
            alert_name=f"alert {alert_id}",
            severity=severity,
            bk_biz_id=bk_biz_id,
            is_shielded=is_shielded,
        ),
        rows=told,
        quiet_at=max((row.at for row in told), default=created_at),
        acked_at=min((row.at for row in told if row.operate == "ACK"), default=None),
        ended_at=end.at if end else None,
        ended_as=ENDS_AS[end.operate] if end else None,
    )


def in_order_of_creation(lives: Iterable[Life]) -> list[Life]:
    """Return the lives, oldest first."""
    return sorted(lives, key=lambda life: (life.alert.created_at, life.alert.id))
