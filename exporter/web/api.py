"""The JSON behind the page; docs/api.md tells its shape, which only grows."""

from collections.abc import Mapping
from typing import Any

from exporter.flow.known import KnownAlert
from exporter.metrics import Moment, Plan, SourceState, WatchedState
from exporter.web.links import Links
from exporter.web.listing import Listing, WatchedAlert

Object = dict[str, Any]


def alerts_document(moment: Moment, listing: Listing, links: Links, *, now: float, per_page: int) -> Object:
    """Return what /api/v1/alerts tells. `now` is the server's clock (unix seconds), `as_of` when this was true."""
    return {
        "as_of": moment.at,
        "now": now,
        "total": listing.total,
        "matched": listing.matched,
        "page": listing.page,
        "pages": listing.pages,
        "per_page": per_page,
        "alerts": [_alert(alert, links) for alert in listing.alerts],
    }


def sources_document(moment: Moment, *, now: float) -> Object:
    """Return what /api/v1/sources tells."""
    sources = [_source(source, moment) for source in moment.sources]
    return {"as_of": moment.at, "now": now, "shards": shards_document(moment), "sources": sources}


def shards_document(moment: Moment) -> Object:
    """Return which of the shards this exporter has, and with how many others it shares them."""
    return {
        "number": moment.view.shards.number,
        "owned": sorted(moment.owned),
        "told": sorted(moment.view.told),
        "members": moment.members,
        "certain": moment.is_certain,
    }


def blank_alert() -> Object:
    """Return an alert of which nothing is known: the page's pattern for rows that are still to come."""
    return _alert(WatchedAlert(KnownAlert("", "", (), 0.0), WatchedState.OPEN, Plan()), Links(lambda *_: "", None))


def _state(source: SourceState, moment: Moment) -> str:
    if not source.up:
        return "down"
    return "starting" if None in _baselines(source, moment) else "up"


def _baseline_at(source: SourceState, moment: Moment) -> float | None:
    """Return when the last of the shards that are told had a complete baseline."""
    ends = _baselines(source, moment)
    known = [end for end in ends if end is not None]
    return max(known, default=None) if len(known) == len(ends) else None


def _baselines(source: SourceState, moment: Moment) -> list[float | None]:
    """Return when each of the shards that are told had a complete baseline, None where it has none."""
    return [moment.view.baselines.get((source.name, shard)) for shard in moment.view.told]


def _source(source: SourceState, moment: Moment) -> Object:
    asked = source.polling.asked()
    requests: dict[str, dict[str, int]] = {}
    for (endpoint, code), amount in sorted(asked.requests.items()):
        requests.setdefault(endpoint, {})[code] = amount
    return {
        "name": source.name,
        "state": _state(source, moment),
        "trouble": source.trouble,
        "last_success_at": source.last_success_at,
        "last_good_cycle_at": source.last_good_cycle_at,
        "baseline_at": _baseline_at(source, moment),
        "overdue_seconds": source.overdue,
        "timezone_skew_seconds": source.timezone_skew,
        "watched": {state.value: amount for state, amount in sorted(source.watched.items())},
        "polls": asked.polls,
        "poll_failures": {reason: amount for reason, amount in sorted(asked.failures.items()) if amount},
        "requests": requests,
        "requests_per_second": asked.rate,
        "requests_per_second_configured": asked.full_rate,
        "paused_until": asked.paused_until or None,
    }


def _alert(alert: WatchedAlert, links: Links) -> Object:
    known = alert.known
    return {
        "source": known.source,
        "alert_id": known.alert_id,
        "alert_name": alert.name,
        "labels": dict(known.labels),
        "state": alert.state.value,
        "outcome": alert.outcome,
        "acked": known.is_acked,
        "acked_at": _true(known, known.ack.at),
        "shielded": known.is_shielded,
        "created_at": known.true_created_at,
        "deadline": _deadline(alert),
        "anomaly_count": known.anomaly_count,
        "first_seen_at": known.first_seen_at,
        "last_poll_at": known.read_at,
        "next_poll_at": alert.plan.next_poll_at,
        "error": alert.plan.error,
        "page": links.page(known),
        "bk_url": links.blueking(known),
    }


def _deadline(alert: WatchedAlert) -> Mapping[str, object] | None:
    target = alert.known.ack_target
    if target is None:
        return None
    return {"target_seconds": target, "due_at": alert.due_at, "result": alert.known.deadline_result}


def _true(known: KnownAlert, at: float | None) -> float | None:
    """Return a record's time free of a wrong time zone, to be compared with the clock."""
    if at is None or known.created_at is None:
        return at
    return at - known.zone_error(known.created_at)
