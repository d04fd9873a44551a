"""What stands in an alert, written by anybody: from a search's answer into metrics, JSON and pages.

An input is the JSON of such an answer.
"""

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.blueking import BlueKingError, Page, read_page
from exporter.flow.known import KnownAlert
from exporter.flow.labels import LONGEST_VALUE, label_value, make_labels
from exporter.metrics import Form, Format, Moment, Publisher, Snapshot
from exporter.web.app import make_app
from tests.metrics.moments import make_alert, make_moment, take
from tests.web.site import NOW

_INFO = "bkmonitor_flow_alert_info"
_MOST_ALERTS = 5
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_LINKS = ("href", "src", "action", "formaction")
_ADDRESS = re.compile(r"$|[?#]|/(?!/)|https://bk\.test/")


class _Held(Publisher):
    """A publisher that hands out what it was given last."""

    def __init__(self) -> None:
        super().__init__(make_moment(), CollectorRegistry(), lambda: NOW)
        self.held = super().current

    @property
    def current(self) -> Snapshot:
        return self.held


class _Structure(HTMLParser):
    """The elements of a page with their attributes' names, and the addresses it leads to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[tuple[str, ...]] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {(tag,), *((tag, name) for name, _ in attrs)}
        self.addresses += [value or "" for name, value in attrs if name in _LINKS]


def run(inputs: bytes) -> None:
    """Show the alerts of an answer: each reader gets the very texts, as text."""
    try:
        answer = json.loads(inputs)
        page = read_page(answer)
    except (ValueError, RecursionError, BlueKingError):
        return
    alerts = _alerts(page)
    moment = replace(make_moment(alerts={known.key: known for known in alerts}), at=NOW)
    snapshot = take(moment, CollectorRegistry())
    _check_metrics(snapshot, alerts)
    _check_pages(snapshot, alerts)


def _alerts(page: Page) -> list[KnownAlert]:
    made = []
    for sighting in page.sightings[:_MOST_ALERTS]:
        labels = make_labels({**sighting.fields, "source": "prod"})
        for _, value in labels:
            assert 0 < len(value) <= LONGEST_VALUE
            assert not _CONTROL.search(value)
        made.append(make_alert(sighting.alert_id, labels, sighting=sighting, created_at=sighting.created_at))
    return made


def _check_metrics(snapshot: Snapshot, alerts: list[KnownAlert]) -> None:
    for form, read in ((Format.TEXT, text_families), (Format.OPENMETRICS, openmetrics_families)):
        families = list(read(snapshot.body(Form(form)).decode()))
        told = {
            sample.labels["alert_id"]: sample.labels
            for family in families
            for sample in family.samples
            if sample.name == _INFO
        }
        assert told.keys() == {known.alert_id for known in alerts if known.is_open}
        for known in alerts:
            if known.is_open and known.sighting is not None:
                name = label_value(known.sighting.fields["alert_name"])
                assert told[known.alert_id].get("alert_name", "") == name


def _check_pages(snapshot: Snapshot, alerts: list[KnownAlert]) -> None:
    client, publisher, expected = _site()
    publisher.held = snapshot
    told = client.get("/api/v1/alerts?per_page=500").get_json()["alerts"]
    assert {each["alert_id"]: each["alert_name"] for each in told} == {
        known.alert_id: known.sighting.fields["alert_name"] for known in alerts if known.sighting
    }
    for path in ("/", *(each["page"] for each in told)):
        answer = client.get(path)
        assert answer.status_code == 200, path
        found = _Structure(answer.text)
        assert found.names <= expected, found.names - expected
        assert all(_ADDRESS.match(address) for address in found.addresses)


@cache
def _site() -> tuple[FlaskClient, _Held, set[tuple[str, ...]]]:
    """Return a client of an application, what that shows, and the elements of its pages with alerts of plain names."""
    publisher = _Held()
    app = make_app(
        publisher,
        version="1.2.3",
        telemetry_path="/metrics",
        alert_url=lambda: "https://bk.test/{alert_id}?name={bk_biz_name}",
        clock=lambda: NOW,
    )
    app.testing = True
    client = app.test_client()
    return client, publisher, _plain(client, publisher)


def _plain(client: FlaskClient, publisher: _Held) -> set[tuple[str, ...]]:
    names: set[tuple[str, ...]] = set()
    for moment in _plain_moments():
        publisher.held = take(moment, CollectorRegistry())
        for path in ("/", *(f"/alerts/prod/{alert_id}" for _, alert_id in moment.view.alerts)):
            names |= _Structure(client.get(path).text).names
    return names


def _plain_moments() -> list[Moment]:
    kinds: tuple[dict[str, object], ...] = (
        {"status": "ABNORMAL"},
        {"status": "ABNORMAL", "is_ack": True, "is_shielded": True, "create_time": NOW - 60},
        {"status": "CLOSED", "end_time": NOW, "create_time": NOW - 60, "alert_name": ""},
    )
    rows = [
        {"id": str(number), "alert_name": "a", "bk_biz_id": 2, "severity": 1, **more}
        for number, more in enumerate(kinds, start=1_700_000_000_001)
    ]
    whole = [_alerts(read_page({"result": True, "data": {"alerts": part}})) for part in (rows, [])]
    return [replace(make_moment(alerts={known.key: known for known in alerts}), at=NOW) for alerts in whole]
