"""Whether a source lets us ask and answers: over real HTTP, in both dialects, on good days and bad ones."""

from pathlib import Path
from typing import Any

import pytest
import requests

from exporter.online import Verdict
from exporter.simulator import Faults, Simulator
from tests.blueking.loopback import ONE_RECORD, closed_port, says, serving
from tests.online.sources import IDS, SEARCH, UNKNOWN, Start, checked, make_lives, make_source, verdicts

ALL_WELL = {
    "reach": Verdict.OK,
    "search_alert": Verdict.OK,
    "get_event_log": Verdict.OK,
    "time zone": Verdict.OK,
    "clock": Verdict.OK,
}
REFUSED = {
    "reach": Verdict.OK,
    "search_alert": Verdict.FAILED,
    "get_event_log": Verdict.NOT_CHECKED,
    "time zone": Verdict.NOT_CHECKED,
    "clock": Verdict.NOT_CHECKED,
}


def tally(simulator: Simulator) -> dict[str, Any]:
    """Return how often each endpoint of a simulated source was asked, and for whom."""
    told: dict[str, Any] = requests.get(f"{simulator.url}/-/requests", timeout=5).json()
    return told


@pytest.mark.parametrize("dialect", ["documented", "today"])
@pytest.mark.parametrize("auth", ["params", "header", "both"])
def test_a_source_that_works_passes_every_check(start: Start, dialect: str, auth: str) -> None:
    """Old ESB, current ESB or gateway, as documented or as of today: all is well, and nothing is to be done."""
    checks = checked(make_source(start(dialect=dialect, auth=auth).url))

    assert verdicts(checks) == ALL_WELL
    assert checks["search_alert"].found == "allowed; finds 6 alert(s) of the last hour (bk_biz_ids 2)"
    assert checks["get_event_log"].found == "allowed; 5 log(s) read"
    assert not any(check.advice for check in checks.values())


def test_a_check_asks_for_one_page_and_five_logs(start: Start) -> None:
    """However many alerts there are, the source is asked six times, about the newest alerts."""
    simulator = start()

    checked(make_source(simulator.url))

    assert tally(simulator)["endpoints"] == {"search_alert": 1, "get_event_log": 5}
    assert set(tally(simulator)["get_event_log"]) == set(IDS[1:])


def test_a_source_that_no_watch_searches_is_not_searched(start: Start) -> None:
    """Fixed ids need get_event_log alone."""
    simulator = start()

    checks = checked(make_source(simulator.url, {"alerts": list(IDS[:2])}))

    assert verdicts(checks) == ALL_WELL | {"search_alert": Verdict.NOT_CHECKED, "clock": Verdict.NOT_CHECKED}
    assert checks["search_alert"].found == "no watch searches"
    assert tally(simulator) == {
        "endpoints": {"search_alert": 0, "get_event_log": 2},
        "get_event_log": dict.fromkeys(IDS[:2], 1),
    }


def test_the_ids_of_watch_files_serve_as_well(start: Start, tmp_path: Path) -> None:
    """Where nothing else names an alert, a watch file does."""
    (tmp_path / "watch.yaml").write_text(f'[{{alerts: ["{IDS[0]}"]}}]')

    checks = checked(make_source(start().url, {"files": [f"{tmp_path}/*.yaml"]}))

    assert checks["get_event_log"].found == "allowed; 1 log(s) read"


def test_without_any_alert_there_is_no_log_to_ask_for(start: Start, tmp_path: Path) -> None:
    """That is said, and fails nothing."""
    simulator = start()

    check = checked(make_source(simulator.url, {"files": [f"{tmp_path}/*.yaml"]}))["get_event_log"]

    assert (check.verdict, check.found) == (Verdict.NOT_CHECKED, "there is no alert to ask about")
    assert check.advice == ("check again when the watches select one",)
    assert tally(simulator)["endpoints"] == {"search_alert": 0, "get_event_log": 0}


@pytest.mark.parametrize("auth", ["params", "header", "both"])
def test_a_wrong_secret_is_told_with_the_keys_to_look_at(start: Start, auth: str) -> None:
    """The source is reached, but knows us not; the secret itself is not told."""
    source = make_source(start(auth=auth).url, auth={"app_secret": "some-wrong-secret", "username": "admin"})

    checks = checked(source)

    assert verdicts(checks) == REFUSED
    assert checks["search_alert"].advice == (
        "check auth.app_code, auth.app_secret, auth.username, and the application's right to call search_alert",
        "where the deployment has several tenants, set tenant_id",
    )
    assert "some-wrong-secret" not in repr(checks)


def test_a_tenant_that_is_set_is_not_asked_for(start: Start) -> None:
    """Advice is about what is missing."""
    source = make_source(start().url, auth={"app_secret": "wrong"}, tenant_id="default")

    assert len(checked(source)["search_alert"].advice) == 1


def test_a_wrong_path_of_the_search_is_told_by_its_key() -> None:
    """A path that is not there is the config's fault; the form it has on a gateway is named."""
    with serving(says(b"404 page not found", 404)) as server:
        checks = checked(make_source(server.url, paths={"search_alert": "/nowhere/"}))

    assert verdicts(checks) == REFUSED
    assert checks["search_alert"].found == "is paths.search_alert right? 404 page not found (HTTP 404)"
    assert checks["search_alert"].advice == (
        "correct url or paths.search_alert (now /nowhere/)",
        "on an API gateway the path ends in /app/alert/search/",
    )


def test_a_wrong_path_of_the_logs_leaves_the_search_alone(start: Start) -> None:
    """Each endpoint is judged for itself; a gateway that has no logs is the likely cause."""
    checks = checked(make_source(start().url, paths={"get_event_log": "/nowhere/"}))

    assert verdicts(checks) == ALL_WELL | {"get_event_log": Verdict.FAILED, "time zone": Verdict.NOT_CHECKED}
    assert "HTTP 404" in checks["get_event_log"].found
    assert checks["get_event_log"].advice == (
        "correct url or paths.get_event_log (now /nowhere/)",
        "a gateway normally lacks it: paths.get_event_log may be a whole address, of the ESB",
    )


def test_a_search_that_cannot_be_read_is_told_by_its_key(start: Start) -> None:
    """The server complains of the query; the other keys of the search are not blamed."""
    source = make_source(start().url, {"search": SEARCH["search"] | {"query_string": "((("}})

    check = checked(source)["search_alert"]

    assert (check.verdict, check.advice) == (Verdict.FAILED, ("correct search.query_string of the watch",))


def test_a_search_refused_without_a_name_lists_what_is_given(start: Start) -> None:
    """Where the server does not say what it cannot read, it is one of the keys that the watch has."""
    source = make_source(start(faults=Faults(bad_request=1)).url, SEARCH)

    assert checked(source)["search_alert"].advice == (
        "correct search.bk_biz_ids, search.query_string, search.conditions of the watch",
    )


def test_a_search_that_finds_nothing_is_a_warning(start: Start) -> None:
    """Forbidden businesses look like that, and so does a quiet hour: nothing failed."""
    checks = checked(make_source(start().url, {"search": {"bk_biz_ids": [404, 405]}}))

    assert verdicts(checks) == REFUSED | {"search_alert": Verdict.WARNING}
    assert checks["search_alert"].found == "allowed, but finds no alert of the last hour (bk_biz_ids 404, 405)"
    assert "fewer rows, not an error: check search.bk_biz_ids" in checks["search_alert"].advice[0]


def test_an_empty_search_leaves_the_listed_alerts_to_ask_about(start: Start) -> None:
    """The fixed ids of another watch tell what the search could not."""
    source = make_source(start().url, {"search": {"bk_biz_ids": [404]}}, {"alerts": [IDS[0]]})

    assert checked(source)["get_event_log"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("faults", "advice"),
    [(Faults(gateway_rate=1, retry_after=30), "check again in 30s; "), (Faults(esb_rate=1), "check again later; ")],
)
def test_a_source_that_wants_us_to_wait_is_asked_once(start: Start, faults: Faults, advice: str) -> None:
    """Too fast is no fault of the config, and asking on would make it worse."""
    simulator = start(faults=faults)

    checks = checked(make_source(simulator.url, {"search": {"bk_biz_ids": [2]}}, {"alerts": list(IDS)}))

    assert verdicts(checks) == REFUSED | {"search_alert": Verdict.WARNING}
    assert checks["search_alert"].advice[0].startswith(advice)
    assert checks["get_event_log"].found == "the source wants us to wait"
    assert tally(simulator)["endpoints"] == {"search_alert": 1, "get_event_log": 0}


def test_a_poison_alert_is_a_warning_beside_others_that_answer(start: Start) -> None:
    """One alert that fails for ever does not make the endpoint fail; which one it is stands there."""
    checks = checked(make_source(start(faults=Faults(poison=(IDS[5],))).url))

    assert verdicts(checks) == ALL_WELL | {"get_event_log": Verdict.WARNING}
    assert checks["get_event_log"].found.startswith(f"4 log(s) read, but not that of alert {IDS[5]}: sequence item 0")
    assert checks["get_event_log"].advice == (f"alert {IDS[5]} alone may be broken: the exporter sets it aside",)


def test_a_source_that_wants_us_to_wait_in_between_is_a_warning() -> None:
    """What was read counts; the rest is left for later."""
    answers = iter([says(ONE_RECORD), says(b"", 429, {"Retry-After": "30"})])
    with serving(lambda exchange: next(answers)(exchange)) as server:
        check = checked(make_source(server.url, {"alerts": list(IDS)}))["get_event_log"]

    assert check.verdict is Verdict.WARNING
    assert check.found.startswith(f"1 log(s) read, but not that of alert {IDS[1]}: refused without a word (HTTP 429")
    assert check.advice[0].startswith("check again in 30s; ")


def test_two_alerts_in_trouble_are_the_sources_trouble(start: Start) -> None:
    """A server that fails is not asked on and on."""
    simulator = start(faults=Faults(http_500=1))

    check = checked(make_source(simulator.url, {"alerts": list(IDS)}))["get_event_log"]

    assert check.verdict is Verdict.FAILED
    assert check.advice[0].startswith("the source is in trouble: check again")
    assert tally(simulator)["endpoints"]["get_event_log"] == 2


def test_a_page_where_the_api_should_be_is_told_by_its_address(start: Start) -> None:
    """A web page that answers in the place of the API means a wrong address."""
    checks = checked(make_source(start(faults=Faults(not_json=1)).url))

    assert verdicts(checks) == REFUSED
    assert checks["search_alert"].advice == (
        "do url and paths.search_alert (/api/c/compapi/v2/monitor_v3/search_alert/) lead to the API, not to a page?",
    )


def test_an_unknown_alert_is_an_answer(start: Start) -> None:
    """The source let us ask; that it does not know the id is told, and fails nothing."""
    check = checked(make_source(start().url, {"alerts": [UNKNOWN]}))["get_event_log"]

    assert check.verdict is Verdict.OK
    assert check.found == f"allowed; 0 log(s) read; the source does not know {UNKNOWN}"
    assert len(check.advice) == 1


def test_an_id_that_the_source_cannot_read_fails(start: Start) -> None:
    """Asked again it would be refused again."""
    check = checked(make_source(start().url, {"alerts": ["no-digits"]}))["get_event_log"]

    assert (check.verdict, check.advice) == (Verdict.FAILED, ("is this the id of an alert of this source?",))


def test_logs_that_come_too_late_are_told_with_the_time_out(start: Start) -> None:
    """The source was reached by the search, so the time-out is about the logs."""
    simulator = start(faults=Faults(slow=1, slow_seconds=30, only_ids=IDS))

    checks = checked(make_source(simulator.url, timeout=0.2))

    assert verdicts(checks) == ALL_WELL | {"get_event_log": Verdict.FAILED, "time zone": Verdict.NOT_CHECKED}
    assert checks["get_event_log"].advice[0].startswith("raise timeout (now 200ms)")


def test_a_connection_that_breaks_on_the_logs_is_no_matter_of_reach(start: Start) -> None:
    """The source was reached; what broke is told."""
    simulator = start(faults=Faults(reset=1, only_ids=IDS))

    checks = checked(make_source(simulator.url))

    assert verdicts(checks) == ALL_WELL | {"get_event_log": Verdict.FAILED, "time zone": Verdict.NOT_CHECKED}
    assert checks["get_event_log"].advice[0].startswith("the connection broke")


def test_logs_elsewhere_are_asked_for_though_the_search_was_in_vain(start: Start) -> None:
    """Gateway and ESB are reached apart: one that is down leaves the other one checked."""
    esb = f"{start(make_lives()).url}/api/c/compapi/v2/monitor_v3/get_event_log/"
    source = make_source(
        closed_port(), {"search": {"bk_biz_ids": [2]}}, {"alerts": [IDS[0]]}, paths={"get_event_log": esb}
    )

    checks = checked(source)

    assert checks["search_alert"].verdict is Verdict.NOT_CHECKED
    assert checks["get_event_log"].verdict is Verdict.OK
