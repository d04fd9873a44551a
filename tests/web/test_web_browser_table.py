"""The table of the watched alerts in a real browser: what one sees, types and clicks."""

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from exporter.simulator import Simulator, SimulatorSettings
from tests.e2e.harness import ExporterProcess, wait_until
from tests.web.browsing import Site, looked_at, row, shown
from tests.web.site import alert, moment_of

CONFIG = """\
sources:
  - name: sim
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: 1000, burst: 1000, concurrency: 4}}
    watch: [{{search: {{bk_biz_ids: [-1]}}}}]
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""


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


@pytest.mark.parametrize(("by", "query"), [("choosing", "sort=created"), ("typing", "state=open&state=quarantined")])
def test_who_is_quicker_than_the_script_is_heard(chromium: Browser, site: Site, by: str, query: str) -> None:
    """On a slow line the form stands before its script: what was chosen or typed until then takes effect with it."""
    with looked_at(chromium, site.url) as page:
        held: list[Route] = []
        page.route("**/live.js", lambda route: held.append(route))
        page.goto(f"{site.url}/?{query}", wait_until="commit")
        if by == "choosing":
            page.get_by_label("Label").select_option("team=infra")
        else:
            page.get_by_role("searchbox").fill("infra")
        assert page.locator("#live").is_hidden()
        while not held:
            page.wait_for_timeout(10)
        held.pop().continue_()
        page.unroute("**/live.js")

        expect(page.locator("#matched")).to_have_text("2 of 5")
        assert set(shown(page)) == {"102", "103"}


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
