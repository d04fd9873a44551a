"""The fields of an alert as search_alert answers them."""

from exporter.simulator.lives import Life


def answered(life: Life, now: float) -> dict[str, object]:
    """Return the alert's own document at `now` (unix seconds); there is no ack time in it (api.md)."""
    alert, ended, acked = life.alert, life.ended(now), life.acked(now)
    latest = max(alert.created_at, min(int(now), life.quiet_at))
    acked_after = life.acked_at - alert.created_at if acked and life.acked_at is not None else None
    return {
        "id": alert.id,
        "alert_name": alert.alert_name,
        "status": life.ended_as if ended else "ABNORMAL",
        "severity": alert.severity,
        "bk_biz_id": alert.bk_biz_id,
        "bk_biz_name": "demo",
        "strategy_id": alert.strategy_id,
        "strategy_name": alert.strategy_name,
        "is_ack": True if acked else None,
        "is_shielded": alert.is_shielded,
        "create_time": alert.created_at,
        "begin_time": alert.begun_at,
        "end_time": life.ended_at if ended else None,
        "latest_time": latest,
        "update_time": latest,
        "first_anomaly_time": alert.begun_at,
        "duration": _prose(latest - alert.begun_at),
        "ack_duration": acked_after,
        "ack_operator": "",
        "stage_display": "已通知",
        "assignee": [alert.assignee],
        "shield_left_time": "0s",
        "category": alert.category,
        "ip": alert.ip,
        "bk_cloud_id": "0",
        "seq_id": int(alert.id[10:]),
        "dimensions": [],
        "tags": [],
    }


def _prose(seconds: int) -> str:
    """Return a duration in its two largest units, as in `1d 4h`."""
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
