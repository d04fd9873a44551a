"""What the tests of the pages look at: a served page, and a browser that keeps an eye on what it asks and says."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page
from prometheus_client import CollectorRegistry

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert, Milestone
from exporter.metrics import Moment, Plan, Publisher, WatchedState
from exporter.web import Server
from exporter.web.app import make_app
from tests.e2e.harness import wait_until
from tests.web.site import NOW, alert, moment_of

SCRIPT = '<script>document.title = "taken"</script><img src=x onerror="document.title = \'taken\'">'
ALERTS = [
    alert("100", "Disk full", age=900, ack_target=300.0, deadline_result=DeadlineResult.MISSED),
    alert("101", "CPU hot", age=100, ack_target=300.0),
    alert("102", SCRIPT, age=10, team="infra"),
    alert("103", "Queue", age=500, ack=Milestone(NOW - 400, observed=True), team="infra"),
    alert("104", "Lost", age=50, team=SCRIPT),
]
PLANS = {"104": Plan(NOW + 3000, f"no answer {SCRIPT}")}


class Site:
    """A served page that a test moves on: `tell` publishes a moment, `at` is what the server's clock shows.

    `resting` are the alerts of the source `prod` that only the ledger has, by id.
    """

    def __init__(self, moment: Moment, closing: ExitStack) -> None:
        self.at = NOW
        self.resting: dict[str, KnownAlert] = {}
        self.publisher = Publisher(moment, CollectorRegistry(), lambda: self.at)
        app = make_app(
            self.publisher,
            version="1.2.3",
            telemetry_path="/metrics",
            alert_url=lambda: "https://bk.example.com/{alert_id}",
            find_alerts=lambda alert_id: {"prod": self.resting[alert_id]} if alert_id in self.resting else None,
            clock=lambda: self.at,
        )
        server = Server(app, "127.0.0.1", 0)
        closing.callback(server.stop)
        self.publisher.start()
        closing.callback(self.publisher.stop)
        self.url = server.url

    def tell(self, moment: Moment) -> None:
        """Have another moment served."""
        self.publisher.publish(moment)
        wait_until(lambda: self.publisher.current.moment is moment, within=30)
        assert self.publisher.current.moment is moment


def watched() -> Moment:
    """Return the moment that most tests look at."""
    return moment_of(ALERTS, plans=PLANS, given_up={"104": WatchedState.QUARANTINED})


@contextmanager
def looked_at(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Give a page that shows `url`; at its end it must have asked nobody else, and complained of nothing."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.clock.install(time=NOW - 1)
    page.clock.pause_at(NOW)  # timers go off when a test says so
    complaints: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(url)
    yield page
    assert page.title() != "taken"
    context.close()
    assert complaints == []
    assert hosts == {urlsplit(url).netloc}


def shown(page: Page) -> list[str]:
    """Return the ids of the alerts in the table, in their order."""
    rows = page.locator("#alert-table tbody tr")
    return [str(alert_id) for alert_id in rows.evaluate_all("rows => rows.map(row => row.dataset.id)")]


def row(page: Page, alert_id: str) -> str:
    """Return the text of an alert's row."""
    return page.locator(f'tr[data-id="{alert_id}"]').inner_text()
