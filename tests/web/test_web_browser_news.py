"""The pages in a real browser as time goes by: what moves, what comes, and what stays where it is."""

from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.sightings import Outcome, Sighting
from exporter.metrics import Asked
from tests.web.browsing import ALERTS, PLANS, Site, looked_at, row, shown, watched
from tests.web.site import NOW, alert, moment_of

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
    assert shown(page) == ["100"]


def test_the_story_opens_and_moves_on(page: Page, site: Site) -> None:
    """A click opens an alert's story; when it was read anew, the story tells that."""
    page.get_by_role("link", name="CPU hot").click()
    expect(page.get_by_role("heading", name="CPU hot")).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("no result yet")
    expect(page.get_by_role("link", name="Open in BlueKing")).to_have_attribute("href", "https://bk.example.com/101")

    site.tell(moment_of([alert("101", "CPU hot", age=100, ack=Milestone(NOW - 40, observed=True), read_at=NOW)]))
    page.clock.run_for(5000)

    expect(page.locator(".timeline")).to_contain_text("First acknowledgement")
    assert page.url == f"{site.url}/alerts/prod/101"


@pytest.mark.parametrize(
    "alerts",
    [
        [alert("7", read_at=NOW)],
        [alert("7", read_at=NOW - 0.1)],
        [alert("7", read_at=None)],
        [alert("7", age=1), *(alert(f"7{n}", age=1000) for n in range(100, 200))],
    ],
    ids=["whole second", "fraction", "never read", "one of many that are found"],
)
def test_a_story_without_news_is_left_alone(chromium: Browser, site: Site, alerts: list[KnownAlert]) -> None:
    """Who reads it is not thrown back to its top every few seconds."""
    site.tell(moment_of(alerts))
    with looked_at(chromium, f"{site.url}/alerts/prod/7") as page:
        page.evaluate("document.body.id = 'as-it-was'")
        for _ in range(3):
            with page.expect_response("**/api/v1/alerts?*"):
                page.clock.run_for(5000)
        assert page.locator("#as-it-was").count() == 1


def test_the_story_of_an_alert_that_rests_asks_for_nothing(chromium: Browser, site: Site) -> None:
    """Nothing comes any more; until then it is fetched once more, to tell that it rests."""
    with looked_at(chromium, f"{site.url}/alerts/prod/101") as page:
        expect(page.locator("#live")).to_be_visible()
        site.resting["101"] = alert("101", outcome=Outcome.CLOSED, settles_at=NOW, rested_at=NOW)
        site.tell(moment_of([]))
        page.clock.run_for(5000)
        expect(page.locator(".timeline")).to_contain_text("Rests")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(20_000)
        expect(page.locator("#live")).to_be_hidden()
        assert [url for url in asked if "/static/" not in url] == []  # an icon may be late


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
