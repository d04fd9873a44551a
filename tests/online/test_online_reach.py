"""Whether a source can be reached, and whether TLS works there."""

from typing import Any

import pytest

from exporter.online import Check, Verdict, check_source
from tests.blueking.loopback import TLS, closed_port, good, hangs, says, server_tls, serving
from tests.online.sources import IDS, NOW, Start, checked, make_source, verdicts

NOTHING_CHECKED = dict.fromkeys(("search_alert", "get_event_log", "time zone", "clock"), Verdict.NOT_CHECKED)


def reach(url: str, *watch: dict[str, object], **settings: Any) -> list[Check]:
    """Return the checks of the reach of a source."""
    checks = check_source(make_source(url, *watch, **settings), [], now=NOW)
    return [check for check in checks if check.name == "reach"]


@pytest.mark.parametrize("watch", [{"search": {"bk_biz_ids": [2]}}, {"alerts": list(IDS)}])
def test_a_port_on_which_nobody_listens_fails_and_nothing_else_is_checked(watch: dict[str, object]) -> None:
    """The reason is told with host and port, once."""
    url = closed_port()
    checks = checked(make_source(url, watch))

    assert verdicts(checks) == NOTHING_CHECKED | {"reach": Verdict.FAILED}
    assert checks["reach"].found == f"{url.removeprefix('http://')}: Connection refused"
    assert checks["reach"].advice == (
        "is url right, does the server run, and may this machine connect (firewall, proxy_url)?",
    )
    assert checks["get_event_log"].found == f"{url.removeprefix('http://')} was not reached"


def test_a_server_that_stays_silent_is_told_with_the_time_out() -> None:
    """A firewall looks like that, and so does a time-out that is too short; the source is asked once."""
    with serving(hangs) as server:
        (check,) = reach(server.url, timeout=0.2)

    assert (check.verdict, check.found.partition(": ")[2]) == (Verdict.FAILED, "no answer in time")
    assert check.advice == ("is a firewall in between, or is timeout (200ms) too short?",)
    assert len(server.asked) == 1


def test_any_answer_means_reached() -> None:
    """A refusal as well, and a server error: those are told elsewhere."""
    with serving(says(b"", 403)) as server:
        (check,) = reach(server.url)

    assert (check.verdict, check.found) == (Verdict.OK, f"{server.url.removeprefix('http://')} answers, without TLS")


def test_a_certificate_that_is_trusted_passes() -> None:
    """TLS works, and the certificate was looked at."""
    with serving(lambda exchange: says(good(exchange.asked))(exchange), server_tls()) as server:
        (check,) = reach(server.url, tls={"ca_file": TLS / "ca.pem"})

    assert check.verdict is Verdict.OK
    assert check.found.endswith(" answers over TLS, its certificate is trusted")


def test_a_certificate_of_an_unknown_authority_fails_as_tls() -> None:
    """TLS is told apart from a server that is not there, with the key that mends it."""
    with serving(hangs, server_tls()) as server:
        (check,) = reach(server.url)

    assert check.verdict is Verdict.FAILED
    assert "TLS failed: [SSL: CERTIFICATE_VERIFY_FAILED]" in check.found
    assert check.advice == (
        "give the authority that signed the certificate in tls.ca_file; is the certificate for url?",
    )


def test_a_port_that_speaks_no_tls_fails_as_tls() -> None:
    """An https address of a server that speaks plain HTTP is a slip of the config."""
    with serving(says(b"")) as server:
        (check,) = reach(server.url.replace("http:", "https:"))

    assert "TLS failed" in check.found
    assert check.advice == (
        "does this port speak TLS (url: https), and does it ask for a certificate (tls.cert_file)?",
    )


def test_a_certificate_that_nobody_looks_at_is_a_warning() -> None:
    """What is for tests only does not pass as well."""
    with serving(says(b"", 403), server_tls()) as server:
        (check,) = reach(server.url, tls={"insecure_skip_verify": True})

    assert check.verdict is Verdict.WARNING
    assert "in tls.ca_file" in check.advice[0]


def test_a_request_that_cannot_be_sent_is_the_configs_fault() -> None:
    """A host whose name is too long for any: nothing went out, so nothing was reached."""
    (check,) = reach(f"http://{'a' * 70}.test")

    assert (check.verdict, check.advice) == (Verdict.FAILED, ("correct url, headers, tls or proxy_url",))


def test_endpoints_at_two_places_are_reached_apart(start: Start) -> None:
    """A gateway for the search and an ESB for the logs are two hosts, each with its own verdict and key."""
    esb = closed_port()
    path = f"{esb}/api/c/compapi/v2/monitor_v3/get_event_log/"

    gateway, logs = reach(start().url, paths={"get_event_log": path})

    assert (gateway.verdict, logs.verdict) == (Verdict.OK, Verdict.FAILED)
    assert logs.found.startswith(esb.removeprefix("http://"))
    assert logs.advice[0].startswith("is paths.get_event_log right, ")


def test_a_place_where_there_was_nothing_to_ask_is_not_judged(start: Start) -> None:
    """Without an alert, the host of the logs stays unasked; its port is the scheme's own."""
    _, logs = reach(start([]).url, paths={"get_event_log": "https://esb.invalid/get_event_log/"})

    assert (logs.verdict, logs.found) == (Verdict.NOT_CHECKED, "esb.invalid:443: there was nothing to ask")
