"""The application on moments made by hand, and a source whose plans are known."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from flask import Flask
from prometheus_client import CollectorRegistry

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.sightings import Sighting
from exporter.metrics import Asked, Moment, Plan, Publisher, WatchedState
from exporter.web.app import make_app
from tests.metrics.moments import make_alert, make_moment, make_state

NOW = 1_700_000_000.0
"""When the moments are, and the application's clock stands."""

FindAlerts = Callable[[str], Mapping[str, KnownAlert] | None]


ASKED = Asked(
    polls=1234,
    failures={"timeout": 3, "upstream": 0},
    requests={("get_event_log", "200"): 1231, ("get_event_log", "503"): 3, ("search_alert", "200"): 7},
    rate=2.5,
    full_rate=10.0,
)


@dataclass(frozen=True)
class Planned:
    """A source's polling that tells the same of each alert, but for those that have plans of their own."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    told: Asked = ASKED

    def plan(self, alert_id: str) -> Plan:
        """Return what is planned for an alert."""
        return self.plans.get(alert_id, Plan(NOW + 20))

    def asked(self) -> Asked:
        """Return what the source was asked."""
        return self.told


def alert(alert_id: str, name: str = "", *, age: float = 60.0, team: str = "payments", **fields: object) -> KnownAlert:
    """Return an open alert that was created `age` seconds ago, of a name that a search told."""
    labels = make_labels({"source": "prod", "severity": "fatal", "team": team})
    made: dict[str, object] = {"created_at": NOW - age, "read_at": NOW - 5, "sighting": Sighting(alert_id, named(name))}
    return make_alert(alert_id, labels, **{**made, **fields})


def named(name: str) -> dict[str, str]:
    """Return the fields of an alert of this name."""
    return {"alert_name": name, "strategy_name": f"strategy of {name}"} if name else {}


def moment_of(
    alerts: Iterable[KnownAlert],
    *,
    plans: Mapping[str, Plan] | None = None,
    given_up: Mapping[str, WatchedState] | None = None,
    **state: object,
) -> Moment:
    """Return the moment of a source that watches these alerts."""
    source = make_state(polling=Planned(plans or {}), given_up=given_up or {}, last_good_cycle_at=NOW - 42, **state)
    return replace(make_moment(alerts={known.key: known for known in alerts}, state=source), at=NOW)


def publisher_of(moment: Moment) -> Publisher:
    """Return a publisher that holds one snapshot, and is not started."""
    return Publisher(moment, CollectorRegistry(), lambda: NOW)


def application(
    moment: Moment,
    *,
    alert_url: str | None = None,
    find_alerts: FindAlerts = lambda _: None,
    clock: Callable[[], float] = lambda: NOW,
) -> Flask:
    """Return the application on one moment."""
    return make_app(
        publisher_of(moment),
        version="1.2.3",
        telemetry_path="/metrics",
        alert_url=lambda: alert_url,
        find_alerts=find_alerts,
        clock=clock,
    )


def text_of(moment: Moment, path: str = "/", alert_url: str | None = None) -> str:
    """Return a page as a reader sees it: without tags, with single blanks."""
    page = application(moment, alert_url=alert_url).test_client().get(path)
    assert page.status_code == 200
    body = page.text.partition("<template")[0].replace("<wbr>", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))
