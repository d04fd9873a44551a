"""The pages in a real browser for everybody: by keyboard, on a phone, in the dark, without a script, unharmed."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browsing import ALERTS, PLANS, SCRIPT, Site, looked_at, shown
from tests.web.site import alert, moment_of


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
        assert set(shown(page)) == {"101", "102", "104"}
        page.get_by_role("link", name="Age").click()
        assert shown(page) == ["101", "104", "102"]
        page.get_by_role("link", name="CPU hot").click()
        expect(page.locator(".timeline")).to_contain_text("Created")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/alerts/prod/104"])
def test_every_text_has_contrast_enough(chromium: Browser, site: Site, scheme: str, path: str) -> None:
    """At least 4.5 to 1 between a text and what lies behind it (WCAG AA), in either scheme."""
    with looked_at(chromium, f"{site.url}{path}", color_scheme=scheme) as page:
        assert page.evaluate(Path(__file__).with_name("contrast.js").read_text()) == []


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


def test_a_name_that_turns_the_direction_turns_nothing_else(chromium: Browser, site: Site) -> None:
    """The id stands behind a name that switches to right-to-left and never back, and reads as it is."""
    site.tell(moment_of([alert("12345", "full \u202eksid")]))
    with looked_at(chromium, f"{site.url}/") as page:
        name, alert_id = (page.locator(f"tbody tr .{part}").bounding_box() for part in ("name", "id"))
        assert name is not None
        assert alert_id is not None
        assert alert_id["x"] >= name["x"] + name["width"]
