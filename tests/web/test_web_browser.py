"""The pages in a real browser: what one sees, types, clicks and hears of, with and without a script."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from prometheus_client import CollectorRegistry

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import Milestone
from exporter.flow.sightings import Outcome, Sighting
from exporter.metrics import Asked, Moment, Plan, Publisher, WatchedState
from exporter.simulator import Simulator, SimulatorSettings
from exporter.web import Server, make_app
from tests.e2e.harness import ExporterProcess, wait_until
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
EVERY_KIND = [
    *ALERTS,
    alert("201", "Overdue", age=310, ack_target=300.0),
    alert("202", "Nearly", age=290, ack_target=300.0),
    alert("203", "Read soon", ack=Milestone(NOW - 20.0), ack_target=300.0),
    alert("204", "Found acked", sighting=Sighting("204", {"alert_name": "Found"}, is_acked=True)),
    alert("205", "Shielded", sighting=Sighting("205", is_shielded=True), ack_target=300.0),
    alert("206", created_at=None, read_at=None, ack_target=300.0),
    alert("207", "Ended", outcome=Outcome.CLOSED, settles_at=NOW + 9),
    *(
        alert(f"21{n}", result, age=200_000, ack_target=300.0, deadline_result=result)
        for n, result in enumerate(DeadlineResult)
    ),
]
CONFIG = """\
sources:
  - name: sim
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 4}}
    watch: [{{search: {{bk_biz_ids: [-1]}}}}]
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""


class Site:
    """A served page that a test moves on: `tell` publishes a moment, `at` is what the server's clock shows."""

    def __init__(self, moment: Moment, closing: ExitStack) -> None:
        self.at = NOW
        self.publisher = Publisher(moment, CollectorRegistry(), lambda: self.at)
        app = make_app(
            self.publisher,
            version="1.2.3",
            telemetry_path="/metrics",
            alert_url=lambda: "https://bk.example.com/{alert_id}",
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


@pytest.fixture
def site() -> Iterator[Site]:
    """Give a served page."""
    with ExitStack() as closing:
        yield Site(watched(), closing)


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


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """Give the status page, looked at."""
    with looked_at(chromium, f"{site.url}/") as page:
        yield page


def shown(page: Page) -> list[str]:
    """Return the ids of the alerts in the table, in their order."""
    rows = page.locator("#alert-table tbody tr")
    return [str(alert_id) for alert_id in rows.evaluate_all("rows => rows.map(row => row.dataset.id)")]


def row(page: Page, alert_id: str) -> str:
    """Return the text of an alert's row."""
    return page.locator(f'tr[data-id="{alert_id}"]').inner_text()


def test_the_page_shows_what_the_simulator_did(chromium: Browser, tmp_path: Path) -> None:
    """Each open alert of the simulator's truth has its row with its name, and the acknowledged ones say so."""
    epoch = float(int(time.time()))
    settings = SimulatorSettings(dialect="documented", epoch=epoch, history=7200, alerts_per_hour=30)
    with Simulator(settings, now=lambda: epoch) as simulator:
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(url=simulator.url, folder=tmp_path))
        with ExporterProcess(config) as exporter:
            wait_until(lambda: exporter.get("/-/ready").status_code == 200, within=30)
            told: Any = simulator.world.truth(epoch)
            truth = {a["id"]: a for a in told["alerts"] if a["outcome"] is None and not a["ended_in_search"]}
            with looked_at(chromium, f"{exporter.url}/?per_page=500&state=open") as page:
                rows = page.locator("#alert-table tbody tr")
                expect(rows.first).to_be_visible()
                assert set(shown(page)) >= {i for i, a in truth.items() if a["created_at"] > epoch - 3000}
                for alert_id in set(shown(page)) & truth.keys():
                    told_row = row(page, alert_id)
                    assert truth[alert_id]["alert_name"].split()[0] in told_row
                    assert ("after " in told_row) == (truth[alert_id]["acked_at"] is not None)
                acked = next(i for i in shown(page) if i in truth and truth[i]["acked_at"])
                page.locator(f'tr[data-id="{acked}"] .name').click()
                expect(page.locator(".timeline")).to_contain_text("First acknowledgement")
                counted = page.locator(".columns table tbody tr").count()
                assert counted == len(truth[acked]["records"])


def test_typing_searches_at_once(page: Page) -> None:
    """The table follows what is typed; the address can be shared, and says the same when it is opened anew."""
    page.get_by_role("searchbox").fill("cpu")
    page.clock.run_for(300)

    expect(page.locator("#matched")).to_have_text("1 of 5")
    assert shown(page) == ["101"]
    page.reload()
    assert shown(page) == ["101"]
    expect(page.get_by_role("searchbox")).to_have_value("cpu")


def test_choosing_filters(page: Page) -> None:
    """By state, by acknowledgement and by label, together; the choice shows, and can be taken back."""
    page.get_by_label("State").select_option("quarantined")
    expect(page.locator("#matched")).to_have_text("1 of 5")
    assert shown(page) == ["104"]
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("#matched")).to_have_text("5")

    page.get_by_label("Label").select_option("team=infra")
    expect(page.locator("#matched")).to_have_text("2 of 5")
    page.get_by_label("Acknowledged").select_option("yes")
    expect(page.locator("#matched")).to_have_text("1 of 5")
    assert shown(page) == ["103"]
    page.get_by_role("link", name="team=infra \u00d7").click()
    expect(page.locator(".chosen")).to_have_count(0)
    assert shown(page) == ["103"]


def test_a_label_of_a_row_filters_by_it(page: Page) -> None:
    """One click on a label shows the alerts that have it."""
    page.locator('tr[data-id="103"]').get_by_role("link", name="team=infra").click()

    expect(page.locator("#matched")).to_have_text("2 of 5")
    assert set(shown(page)) == {"102", "103"}


def test_a_heading_sorts_and_turns_round(page: Page) -> None:
    """A first click sorts, a second one turns the order round; the heading tells which."""
    page.get_by_role("link", name="Age").click()
    expect(page.get_by_role("columnheader", name="Age")).to_have_attribute("aria-sort", "ascending")
    assert shown(page) == ["100", "103", "101", "104", "102"]

    page.get_by_role("link", name="Age").click()
    expect(page.get_by_role("columnheader", name="Age")).to_have_attribute("aria-sort", "descending")
    assert shown(page) == ["102", "104", "101", "103", "100"]


def test_the_page_moves_by_itself(page: Page, site: Site) -> None:
    """Ages and deadlines run each second; what is new comes within seconds, and what is gone goes."""
    assert "in 3m 20s" in row(page, "101")
    page.clock.run_for(2000)
    assert "in 3m 18s" in row(page, "101")

    acked = alert("101", "CPU hot", age=100, ack=Milestone(NOW - 40, observed=True))
    site.at = NOW + 5
    site.tell(moment_of([acked, *ALERTS[2:4], alert("200", "New one", age=1)], trouble="no route", up=False))
    page.clock.run_for(5000)

    expect(page.locator("#matched")).to_have_text("4")
    expect(page.locator('tr[data-id="200"]')).to_contain_text("New one")
    expect(page.locator('tr[data-id="100"]')).to_have_count(0)
    assert "after 1m" in row(page, "101")
    expect(page.locator("#sources")).to_contain_text("down")
    expect(page.locator("#sources")).to_contain_text("no route")


def test_the_script_says_the_same_as_the_server(chromium: Browser, site: Site) -> None:
    """Rows that the script makes read like those that were served, whatever stands in them."""
    asked = Asked(1234, {"timeout": 3}, {("get_event_log", "200"): 5678}, 2.5, 10.0, NOW + 75)
    moment = moment_of(EVERY_KIND, plans=PLANS, trouble="no route", up=False)
    object.__setattr__(moment.sources[0].polling, "told", asked)
    site.tell(moment)

    with looked_at(chromium, f"{site.url}/", java_script_enabled=False) as page:
        served = page.locator("#sources tbody tr, #alert-table tbody tr").all_inner_texts()
    with looked_at(chromium, f"{site.url}/") as page:
        page.evaluate("document.querySelectorAll('#alert-table tbody tr').forEach(row => row.remove())")
        page.clock.run_for(5000)
        expect(page.locator("#alert-table tbody tr")).to_have_count(len(EVERY_KIND))
        expect(page.locator("#sources tbody tr")).to_contain_text("42s ago")
        made = page.locator("#sources tbody tr, #alert-table tbody tr").all_inner_texts()

    assert made == served


def test_a_refresh_leaves_the_focus_where_it_is(page: Page, site: Site) -> None:
    """Who walks the table by keyboard is not thrown out of it by news."""
    page.locator('tr[data-id="103"] .name').focus()
    site.tell(moment_of([alert("300", "Newest", age=2000, ack_target=60.0), *ALERTS], plans=PLANS))
    page.clock.run_for(5000)

    expect(page.locator('tr[data-id="300"]')).to_be_visible()
    assert page.evaluate("document.activeElement.closest('tr')?.dataset.id") == "103"


def test_it_can_be_paused(page: Page, site: Site) -> None:
    """Paused, nothing is fetched; live again, it catches up."""
    live = page.get_by_role("button", name="Live")
    live.click()
    expect(page.locator("#live")).to_have_text("Paused")
    site.tell(moment_of(ALERTS[:1]))
    page.clock.run_for(20_000)
    expect(page.locator("#matched")).to_have_text("5")

    page.locator("#live").click()
    expect(page.locator("#matched")).to_have_text("1")


def test_the_story_opens_and_moves_on(page: Page, site: Site) -> None:
    """A click opens an alert's story; when it was read anew, the story tells that."""
    page.get_by_role("link", name="CPU hot").click()
    expect(page.get_by_role("heading", name="CPU hot")).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("no result yet")
    expect(page.get_by_role("link", name="Open in BlueKing")).to_have_attribute("href", "https://bk.example.com/101")

    site.tell(moment_of([alert("101", "CPU hot", age=100, ack=Milestone(NOW - 40, observed=True), read_at=NOW)]))
    page.clock.run_for(5000)

    expect(page.locator(".timeline")).to_contain_text("First acknowledgement")


def test_names_that_are_markup_do_nothing(page: Page) -> None:
    """Served, refreshed, searched for, and on the alert's own page, a script in a name, label or error is text."""
    expect(page.locator('tr[data-id="102"] .name')).to_have_text(SCRIPT)
    page.clock.run_for(5000)
    page.get_by_role("searchbox").fill("<script>")
    page.clock.run_for(300)
    expect(page.locator("#matched")).to_have_text("2 of 5")
    expect(page.locator('tr[data-id="104"] .error')).to_have_text(f"no answer {SCRIPT}")
    page.locator('tr[data-id="102"] .name').click()
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    assert page.title().startswith("<script>")


def test_the_keyboard_is_enough(page: Page) -> None:
    """A skip link comes first; / goes to the search; from there to a row's alert and into its story."""
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("queue")
    page.clock.run_for(300)
    expect(page.locator("#matched")).to_have_text("1 of 5")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(":focus").get_attribute("class") == "name":
            break
    outline = page.locator(":focus").evaluate("element => getComputedStyle(element).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(chromium: Browser, site: Site, scheme: str) -> None:
    """At 390 px both pages fit, each cell says what it is, and no name, however long, breaks that."""
    site.tell(moment_of([alert("1", "x" * 300, team="y" * 200), *ALERTS], plans=PLANS))
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme, "has_touch": True}
    for path in ("/", "/alerts/prod/1"):
        with looked_at(chromium, f"{site.url}{path}", **phone) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with looked_at(chromium, f"{site.url}/", **phone) as page:
        cell = page.locator('tr[data-id="101"] td[data-label="Deadline"]')
        assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == '"Deadline"'
        assert page.get_by_role("searchbox").evaluate("field => field.offsetHeight") >= 32


def test_without_a_script_it_works_as_well(chromium: Browser, site: Site) -> None:
    """Searching, filtering, sorting and opening are forms and links."""
    with looked_at(chromium, f"{site.url}/", java_script_enabled=False) as page:
        expect(page.locator("#live")).to_be_hidden()
        page.get_by_role("searchbox").fill("c")
        page.get_by_label("Acknowledged").select_option("no")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#matched")).to_contain_text("of 5")
        page.get_by_role("link", name="Age").click()
        expect(page.locator("tbody tr .name").first).to_be_visible()
        page.get_by_role("link", name="CPU hot").click()
        expect(page.locator(".timeline")).to_contain_text("Created")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/alerts/prod/104"])
def test_every_text_has_contrast_enough(chromium: Browser, site: Site, scheme: str, path: str) -> None:
    """At least 4.5 to 1 between a text and what lies behind it (WCAG AA), in either scheme."""
    with looked_at(chromium, f"{site.url}{path}", color_scheme=scheme) as page:
        assert page.evaluate(Path(__file__).with_name("contrast.js").read_text()) == []


def test_ten_thousand_alerts_are_paged(chromium: Browser, site: Site) -> None:
    """Fifty rows stand in the page; the next page has others, and a search goes through all of them."""
    site.tell(moment_of(alert(str(10**9 + n), f"disk {n}", age=n) for n in range(10_000)))
    with looked_at(chromium, f"{site.url}/?sort=alert") as page:
        first = shown(page)
        expect(page.locator("#page")).to_have_text("Page 1 of 200")
        page.get_by_role("link", name="Next \u2192").click()
        expect(page.locator("#page")).to_have_text("Page 2 of 200")
        assert (len(first), len(shown(page)), set(first) & set(shown(page))) == (50, 50, set())
        page.get_by_role("searchbox").fill("disk 9999")
        page.clock.run_for(300)
        expect(page.locator("#matched")).to_have_text("1 of 10,000")


def test_an_exporter_that_is_gone_is_said(chromium: Browser) -> None:
    """Where no answer comes any more the page stays as it was, and says for how long nobody answered."""
    with ExitStack() as closing:
        site = Site(watched(), closing)
        page = chromium.new_context().new_page()
        page.clock.install(time=NOW - 1)
        page.clock.pause_at(NOW)
        page.goto(f"{site.url}/")
    page.clock.run_for(25_000)
    expect(page.locator("#live")).to_contain_text("No answer for 2")
    assert len(shown(page)) == len(ALERTS)
    page.context.close()
