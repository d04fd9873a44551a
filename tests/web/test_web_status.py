"""The status page and the page of one alert, as they leave the server: what they tell, and that text stays text."""

import re
from dataclasses import replace
from typing import NoReturn

import pytest

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import LedgerError
from exporter.metrics import Asked, Plan, WatchedState
from tests.web.site import NOW, Planned, alert, application, moment_of, text_of

SCRIPT = '"><script>alert(1)</script>'


def test_the_sources_tell_how_they_fare() -> None:
    """State, last good cycle, requests, pace and failed polls in a row."""
    text = text_of(moment_of([], last_success_at=NOW - 3))

    assert "prod up 3s ago 42s ago 3 open, 1 settling 1,241 2.5 of 10/s 3 of 1,234: timeout 3" in text


def test_a_source_in_trouble_says_why() -> None:
    """The word down, its trouble, and for how long it is left alone."""
    paused = Planned(told=Asked(rate=10.0, full_rate=10.0, paused_until=NOW + 90))
    moment = moment_of([], trouble="auth refused", up=False)
    object.__setattr__(moment.sources[0], "polling", paused)

    text = text_of(moment)

    assert "down auth refused" in text
    assert "paused for 1m 30s" in text


@pytest.mark.parametrize(
    ("allowed", "configured", "pace"),
    [
        (10.0, 10.0, "up to 10/s"),
        (1 / 3, 0.5, "0.333 of 0.5/s"),
        (999.6, 12_345.0, "1000 of 12300/s"),
    ],
)
def test_a_pace_has_three_digits(allowed: float, configured: float, pace: str) -> None:
    """However fast a source may be asked; what it allows is told beside what is configured where that is more."""
    asked = Planned(told=Asked(rate=allowed, full_rate=configured))
    moment = moment_of([])
    object.__setattr__(moment.sources[0], "polling", asked)

    assert f" {pace} " in text_of(moment)


def test_a_source_that_reads_its_baseline_is_starting() -> None:
    """Up, but not served yet."""
    moment = moment_of([])

    assert "prod starting" in text_of(replace(moment, view=replace(moment.view, baselines={})))


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (alert("1", "Disk", age=200, ack_target=300.0), "3m 20s no in 1m 40s 5s ago in 20s"),
        (alert("1", "Disk", age=305, ack_target=300.0), "5m 5s no due 5s ago 5s ago"),
        (alert("1", "Disk", ack_target=300.0, deadline_result=DeadlineResult.MISSED), "1m no missed"),
        (alert("1", "Disk", ack=Milestone(NOW - 20.0), ack_target=300.0), "1m after 40s to be read"),
        (alert("1", "Disk", sighting=Sighting("1", is_acked=True)), "1m yes —"),
        (alert("1", "Disk", sighting=Sighting("1", is_shielded=True)), "1m shielded —"),
        (alert("1", "Disk", created_at=None, ack_target=300.0), "— no creation unknown"),
        (alert("1", "Disk", deadline_result=DeadlineResult.HISTORY, ack_target=9.0), "1m no not counted"),
        (alert("1", "Disk", deadline_result=DeadlineResult.ENDED, ack_target=9.0), "1m no ended first"),
        (alert("1", "Disk", read_at=None), "1m no — never in 20s"),
    ],
)
def test_an_alert_tells_its_age_its_acknowledgement_and_its_deadline(known: KnownAlert, words: str) -> None:
    """In a row: how old, acknowledged after how long, when it must be, when it was and will be asked about."""
    assert words in text_of(moment_of([known]))


def test_an_alert_that_fails_tells_why() -> None:
    """Its state is a word, and its error stands below its name, here and on its own page."""
    moment = moment_of(
        [alert("7", "Disk")], plans={"7": Plan(NOW + 60, "no answer within 10s")}, given_up={"7": WatchedState.MISSING}
    )

    assert "missing" in text_of(moment)
    assert "no answer within 10s" in text_of(moment)
    assert "The last poll failed: no answer within 10s" in text_of(moment, "/alerts/prod/7")


def test_links_lead_to_the_alert_and_to_blueking() -> None:
    """The config's address gets the alert's id and labels, quoted; a name that this alert has not is empty there."""
    known = alert("7", "Disk", team="a&b/c")
    url = "https://bk.example.com/?bizId={bk_biz_id}#/detail/{alert_id}?team={team}"

    for path in ("/", "/alerts/prod/7"):
        page = application(moment_of([known]), alert_url=url).test_client().get(path).text
        assert 'href="https://bk.example.com/?bizId=#/detail/7?team=a%26b%2Fc"' in page
    assert 'href="/alerts/prod/7"' in application(moment_of([known])).test_client().get("/").text
    assert "BlueKing ↗" not in text_of(moment_of([known]), "/alerts/prod/7")


def test_nothing_watched_and_nothing_found_are_told_apart() -> None:
    """Both are said in words."""
    assert "No alert is watched now." in text_of(moment_of([]))
    assert "No alert is like that." in text_of(moment_of([alert("1")]), "/?q=nonsense")


def test_links_of_the_table_keep_what_was_asked_for() -> None:
    """Sorting keeps the filters, filtering keeps the order, and both begin at the first page."""
    alerts = [alert(str(number), f"disk {number}") for number in range(200)]
    page = application(moment_of(alerts)).test_client().get("/?q=disk&sort=alert&page=2&per_page=20").text

    assert 'href="?q=disk&amp;per_page=20&amp;sort=-alert#alerts"' in page
    assert 'href="?q=disk&amp;per_page=20&amp;sort=created#alerts"' in page
    assert 'href="?q=disk&amp;sort=alert&amp;per_page=20&amp;label=team%3Dpayments"' in page
    assert 'href="?q=disk&amp;sort=alert&amp;per_page=20&amp;page=3#alerts"' in page
    assert 'aria-sort="ascending"' in page
    assert "Page 2 of 10" in page


def test_a_label_can_be_left_out_again() -> None:
    """What is filtered by shows above the table, each with a link that takes it out."""
    page = application(moment_of([alert("1")])).test_client().get("/?label=team%3Dpayments&q=x").text

    assert '<a class="label" href="?q=x#alerts" title="leave this out again">team=payments \u00d7</a>' in page
    assert '<input type="hidden" name="label" value="team=payments">' in page


@pytest.mark.parametrize("path", ["/", "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/alerts/prod/7"])
def test_text_from_outside_is_text(path: str) -> None:
    """Names, labels and errors that look like HTML are shown, not run; nothing may be loaded from elsewhere."""
    known = alert("7", SCRIPT, team=SCRIPT, counted={SCRIPT: 1}, rejected={SCRIPT: 1})
    moment = moment_of([known], plans={"7": Plan(None, SCRIPT)}, trouble=SCRIPT, up=False)

    answer = application(moment).test_client().get(path)

    assert "<script>" not in answer.text
    assert re.findall(r"<script[^>]*>", answer.text) == ['<script src="/static/live.js" defer>']
    assert not re.search(r'\son\w+=|style="|javascript:', answer.text)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_story_of_an_alert_goes_from_its_creation_to_what_comes_next() -> None:
    """Each milestone with its time since the creation and the metric that got it; what lies ahead comes last."""
    known = alert(
        "7",
        "Disk",
        age=600,
        creation_recorded=True,
        first_seen_at=NOW - 590,
        ack=Milestone(NOW - 520, observed=True),
        ack_target=60.0,
        deadline_result=DeadlineResult.MISSED,
        counted={"CREATE": 1, "CONVERGE": 1200},
        anomaly_count=62,
    )

    text = text_of(moment_of([known]), "/alerts/prod/7")
    titles = (
        "Created",
        "First seen by the exporter",
        "Ack deadline missed",
        "First acknowledgement",
        "Last read of its log",
        "Next read of its log",
    )

    assert [title for _, title in sorted((text.index(title), title) for title in titles)] == list(titles)
    assert "+1m 20s First acknowledgement 1m 20s after creation: bkmonitor_flow_time_to_ack_seconds, bucket le=" in text
    assert "told by its CREATE record" in text
    assert "CONVERGE 1,200 CREATE 1" in text
    assert "62 anomaly points" in text
    assert "bkmonitor-flow-exporter explain 7 --source prod" in text


def test_a_deadline_that_is_still_open_lies_ahead() -> None:
    """It runs down among what is to come."""
    text = text_of(moment_of([alert("7", age=60, ack_target=300.0)]), "/alerts/prod/7")

    assert "in 4m +5m Ack deadline target 5m: no result yet" in text


def test_an_alert_that_rests_is_told_from_the_ledger() -> None:
    """Its page stays, by what is on disk; nothing is planned for it."""
    rested = alert(
        "8",
        "Old",
        age=900,
        end=Milestone(NOW - 300, observed=True),
        outcome=Outcome.CLOSED,
        settles_at=NOW - 290,
        rested_at=NOW - 289,
    )
    client = application(moment_of([]), find_alerts=lambda _: {"prod": rested}).test_client()

    page = client.get("/alerts/prod/8").text.replace("<wbr>", "")

    assert "Ended: closed" in page
    assert "10m after creation: bkmonitor_flow_time_to_end_seconds" in page
    assert "Rests" in page
    assert "Next read" not in page


def test_a_wrong_time_zone_is_said_and_corrected() -> None:
    """The creation is that of the id; a notice tells by how much the records are off."""
    made = 1_699_999_900
    known = alert(f"{made}0001", created_at=made + 8 * 3600.0, first_seen_at=NOW)

    text = text_of(moment_of([known]), f"/alerts/prod/{made}0001")

    assert "Its records lie 8h after what its id or a search tells" in text
    assert "2023-11-14 22:11:40 UTC Created" in text


def test_an_alert_that_nobody_knows_is_not_found() -> None:
    """Of another source, or of none; where the ledger cannot be read it is no answer at all."""

    def refuse(_alert_id: str) -> NoReturn:
        raise LedgerError("locked: /secret/path")

    client = application(moment_of([]), find_alerts=lambda _: {"other": alert("8")}).test_client()
    assert client.get("/alerts/prod/8").status_code == 404
    assert application(moment_of([])).test_client().get("/alerts/prod/8").status_code == 404
    refused = application(moment_of([]), find_alerts=refuse).test_client().get("/alerts/prod/8")
    assert (refused.status_code, refused.text) == (503, "503 Service Unavailable\n")


@pytest.mark.parametrize(("path", "shown"), [("/", 50), ("/?q=disk+99&sort=-next_poll", 50), ("/?page=200", 50)])
def test_of_ten_thousand_alerts_a_page_shows_fifty(path: str, shown: int) -> None:
    """Whichever page, search and order: what a browser gets stays small."""
    alerts = [alert(str(10**9 + n), f"disk {n}", age=n, team=f"team {n % 300}") for n in range(10_000)]
    page = application(moment_of(alerts)).test_client().get(path).text

    assert page.count('data-id="1') == shown
    assert len(page) < 200_000
