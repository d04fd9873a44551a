"""What the API tells of alerts and sources, in words for the cells of a table; static/live.js uses the same words."""

from collections.abc import Mapping
from typing import Any

from exporter.flow.deadlines import DeadlineResult
from exporter.web.texts import grouped, span

_RESULTS: Mapping[DeadlineResult, tuple[str, str]] = {
    DeadlineResult.MET: ("met", "good"),
    DeadlineResult.MISSED: ("missed", "bad"),
    DeadlineResult.ENDED: ("ended first", "quiet"),
    DeadlineResult.SHIELDED: ("not counted", "quiet"),
    DeadlineResult.HISTORY: ("not counted", "quiet"),
}

_FEW_SHARDS = 16  # are named, more are counted


def acked(alert: Mapping[str, Any]) -> str:
    """Return how an alert of the API was acknowledged."""
    if not alert["acked"]:
        return "shielded" if alert["shielded"] else "no"
    if alert["acked_at"] is None or alert["created_at"] is None:
        return "yes"
    return f"after {span(alert['acked_at'] - alert['created_at'])}"


def deadline(alert: Mapping[str, Any], now: float) -> tuple[str, str]:
    """Return how the ack deadline of an alert of the API stands, and the tone of that."""
    due = alert["deadline"]
    if due is None:
        return "—", "quiet"
    if due["result"] is not None:
        return _RESULTS[due["result"]]
    if due["due_at"] is None:
        return "creation unknown", "quiet"
    if alert["acked"] or alert["outcome"] is not None:
        return "to be read", "quiet"
    left = due["due_at"] - now
    if left <= 0:
        return f"due {span(-left)} ago", "bad"
    return f"in {span(left)}", "warn" if left < due["target_seconds"] / 4 else "plain"


def membership(shards: Mapping[str, Any]) -> str:
    """Return which shards an exporter has, by the API, or of many how many; and how many exporters share the ledger."""
    owned, number, members = shards["owned"], shards["number"], shards["members"]
    are_few = 0 < len(owned) <= _FEW_SHARDS and len(owned) < number
    names = f"shard{'s' if len(owned) > 1 else ''} {', '.join(map(str, owned))} of {number}"
    have = names if are_few else f"{len(owned)} of {number} shards"
    return f"{have} · {members} member{'s' if members > 1 else ''}"


def watched(source: Mapping[str, Any]) -> str:
    """Return how many alerts of a source are in which state; states without any are left out."""
    return ", ".join(f"{grouped(amount)} {state}" for state, amount in source["watched"].items() if amount) or "none"


def requests(source: Mapping[str, Any]) -> str:
    """Return how many requests a source got since the start."""
    return grouped(sum(amount for codes in source["requests"].values() for amount in codes.values()))


def pace(source: Mapping[str, Any], now: float) -> str:
    """Return how fast a source is asked, at most; less than configured where it said that this is too fast."""
    paused_until = source["paused_until"]
    if paused_until is not None and paused_until > now:
        return f"paused for {span(paused_until - now)}"
    allowed, configured = source["requests_per_second"], source["requests_per_second_configured"]
    return f"up to {_rate(configured)}/s" if allowed >= configured else f"{_rate(allowed)} of {_rate(configured)}/s"


def _rate(number: float) -> str:
    """Return three digits of a number, as JavaScript writes them: never `1e+03`."""
    return f"{float(f'{number:.3g}'):g}"


def failures(source: Mapping[str, Any]) -> str:
    """Return how many polls of a source failed since the start, and why."""
    reasons = source["poll_failures"]
    why = ", ".join(f"{reason} {grouped(amount)}" for reason, amount in reasons.items())
    return f"{grouped(sum(reasons.values()))} of {grouped(source['polls'])}" + (f": {why}" if why else "")
