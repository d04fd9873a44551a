"""What the pages, their JSON and /metrics tell where several exporters share a ledger."""

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from exporter.flow.known import KnownAlert
from exporter.flow.labels import extend
from exporter.flow.shards import Shards
from exporter.flow.sightings import Outcome
from exporter.ledger.lease import Lease
from exporter.metrics import Moment
from tests.web.browsing import Site, looked_at
from tests.web.site import NOW, alert, application, moment_of, text_of

ENDED = Lease(until=0.0)
UNCERTAIN = "The ledger was not reached lately: other members may have these shards by now"


def of_shard(shard: int, **fields: object) -> KnownAlert:
    """Return an alert of a shard."""
    known = alert(str(700 + shard), f"Disk {shard}", **fields)  # type: ignore[arg-type] # fields by name
    return replace(known, labels=extend(known.labels, shard=str(shard)))


def member(
    owned: frozenset[int] = frozenset({0, 3}),
    *,
    told: frozenset[int] | None = None,
    number: int = 8,
    members: int = 3,
    lease: Lease | None = None,
    **baselines: float,
) -> Moment:
    """Return the moment of a member that watches an alert of shard 0; baselines are complete, at 1 unless told."""
    moment = moment_of([of_shard(0)])
    told = owned if told is None else told
    complete = {("prod", shard): baselines.get(f"shard_{shard}", 1.0) for shard in owned}
    view = replace(moment.view, shards=Shards(number), told=told, baselines=complete, lease=lease or Lease())
    return replace(moment, view=view, owned=owned, members=members)


def sources_of(moment: Moment) -> Any:
    """Return what /api/v1/sources tells."""
    return application(moment).test_client().get("/api/v1/sources").get_json()


@pytest.mark.parametrize(
    ("owned", "number", "members", "words"),
    [
        ({0, 3}, 8, 3, "Sources shards 0, 3 of 8 · 3 members "),
        ({7}, 8, 8, "Sources shard 7 of 8 · 8 members "),
        (set(), 2, 3, "Sources 0 of 2 shards · 3 members "),
        (set(range(8)), 8, 1, "Sources 8 of 8 shards · 1 member "),
        (set(range(17)), 64, 4, "Sources 17 of 64 shards · 4 members "),
    ],
)
def test_a_member_tells_which_shards_it_has(owned: set[int], number: int, members: int, words: str) -> None:
    """By their numbers where they are some, and how many exporters share the ledger."""
    assert words in text_of(member(frozenset(owned), number=number, members=members))


def test_an_exporter_alone_speaks_of_no_shards() -> None:
    """The page is what it always was; the API tells that there is one."""
    text = text_of(moment_of([]))

    assert "shard" not in text
    assert "member" not in text
    assert sources_of(moment_of([]))["shards"] == {
        "number": 1,
        "owned": [0],
        "told": [0],
        "members": 1,
        "certain": True,
    }


def test_the_api_tells_the_shards() -> None:
    """Those that are counted, those that scrapes get, and whether that is certain."""
    answer = sources_of(member(frozenset({5, 0, 3}), told=frozenset({3, 0}), lease=ENDED))

    assert answer["shards"] == {"number": 8, "owned": [0, 3, 5], "told": [0, 3], "members": 3, "certain": False}


def test_a_baseline_is_complete_when_it_is_in_every_shard_that_is_told() -> None:
    """The latest of them; a shard that is not told yet does not count, and without any there is none."""
    both = member(shard_0=5.0, shard_3=9.0)
    lacking = replace(both, view=replace(both.view, baselines={("prod", 0): 5.0}))
    one_told = replace(lacking, view=replace(lacking.view, told=frozenset({0})))
    none_told = replace(both, view=replace(both.view, told=frozenset()))

    told = [sources_of(moment)["sources"][0] for moment in (both, lacking, one_told, none_told)]

    assert [source["baseline_at"] for source in told] == [9.0, None, 5.0, None]
    assert [source["state"] for source in told] == ["up", "starting", "up", "up"]


def test_an_alert_of_another_member_says_so() -> None:
    """Its page is told from the ledger: which shard it has, and that somebody else polls it, as long as it is."""
    resting = of_shard(4, outcome=Outcome.CLOSED, settles_at=NOW - 9, rested_at=NOW - 9)
    alerts = {known.alert_id: {"prod": known} for known in (of_shard(3), resting, of_shard(5))}
    client = application(member(), find_alerts=alerts.get).test_client()

    pages = {shard: client.get(f"/alerts/prod/70{shard}").text for shard in (0, 3, 4, 5)}

    assert "It is of shard 5 of 8, which another member has: that one polls it." in pages[5]
    assert "It is of shard 4 of 8, which another member has." in pages[4]
    assert "another member" not in pages[0] + pages[3]


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=bkmonitor_flow_exporter_source_up"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_without_a_lease_a_scrape_is_refused(method: str, path: str) -> None:
    """With a line that says why; health and readiness go on, for the process is well."""
    client = application(member(lease=ENDED)).test_client()

    answer = client.open(path, method=method)

    assert (answer.status_code, answer.content_type) == (503, "text/plain; charset=utf-8")
    if method == "GET":
        assert answer.text == "the ledger was not reached lately: another exporter may have these shards by now\n"
    assert client.get("/-/healthy").status_code == client.get("/-/ready").status_code == 200


def test_who_knows_that_the_lease_is_over_is_scraped_without_alerts() -> None:
    """No shard is told: the exporter's own metrics tell that it is there."""
    answer = application(member(told=frozenset(), lease=ENDED)).test_client().get("/metrics")

    assert answer.status_code == 200
    assert 'bkmonitor_flow_exporter_source_up{source="prod"} 1.0' in answer.text
    assert "bkmonitor_flow_records_total{" not in answer.text


@pytest.mark.parametrize("told", [frozenset({0, 3}), frozenset()])
def test_pages_without_a_lease_show_what_they_have_and_say_so(told: frozenset[int]) -> None:
    """Both pages and both documents; with a lease nothing is said."""
    moment = member(told=told, lease=ENDED)

    for path in ("/", "/alerts/prod/700"):
        assert UNCERTAIN in text_of(moment, path)
        assert "Disk 0" in text_of(moment, path)
        assert UNCERTAIN not in text_of(member(), path)
    answer = application(moment).test_client().get("/api/v1/alerts").get_json()
    assert [found["alert_id"] for found in answer["alerts"]] == ["700"]


def test_an_open_page_follows_its_shards(chromium: Browser, site: Site) -> None:
    """When others are had, and when it is certain no more; else it is left as it is."""
    site.tell(member())
    with looked_at(chromium, f"{site.url}/") as page:
        page.evaluate("document.body.id = 'as-it-was'")
        for _ in range(3):
            with page.expect_response("**/api/v1/sources"):
                page.clock.run_for(5000)
        expect(page.locator("#as-it-was")).to_have_count(1)

        site.tell(member(frozenset({0}), members=4))
        page.clock.run_for(5000)
        expect(page.get_by_role("heading", name="Sources")).to_have_text("Sources shard 0 of 8 · 4 members")

        site.tell(member(frozenset({0}), members=4, lease=ENDED))
        page.clock.run_for(5000)
        expect(page.locator(".notice")).to_contain_text(UNCERTAIN)
