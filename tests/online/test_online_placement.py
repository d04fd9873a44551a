"""Credentials that a source does not see where they stand: what is advised, and what is not."""

import pytest

from exporter.online import Verdict
from tests.blueking.loopback import says, serving
from tests.online.sources import Start, checked, make_source

CHECK = "check auth.app_code, auth.app_secret, auth.username, and the application's right to call search_alert"
CORRECT = "correct search.bk_biz_ids of the watch"
UNSEEN = (
    "an old ESB that never looks at the header may word it so: then set auth.placement to params"
    " (parameters, and the secrets among them, end up in access logs)"
)


def refused_with(code: object, message: str, **auth: object) -> tuple[str, ...]:
    """Return the advice where every search is refused in these words."""
    answer = {"result": False, "code": code, "message": message, "data": None}
    with serving(says(answer)) as server:
        check = checked(make_source(server.url, auth=auth, tenant_id="default"))["search_alert"]
    assert check.verdict is Verdict.FAILED
    return check.advice


@pytest.mark.parametrize(
    ("auth", "placement", "advice"),
    [
        (
            "header",
            "params",
            "an API gateway reads the credentials in the header only: set auth.placement to auto",
        ),
        (
            "params",
            "header",
            "an old ESB reads the credentials among the parameters only: set auth.placement to auto",
        ),
    ],
)
def test_credentials_in_the_wrong_place_are_told_first(start: Start, auth: str, placement: str, advice: str) -> None:
    """A gateway that reads headers only, and an ESB that reads parameters only, refuse whoever shows them elsewhere."""
    checks = checked(make_source(start(auth=auth).url, auth={"placement": placement}))

    assert checks["search_alert"].verdict is Verdict.FAILED
    assert checks["search_alert"].advice[0] == advice


@pytest.mark.parametrize(
    ("code", "message", "first"),
    [
        ("1306000", "Authentication is needed", CHECK),
        (1306402, "User authentication failed", CHECK),
        (1306406, "an argument is missing", CORRECT),
        (1306406, "应用编码为空", CORRECT),
    ],
)
def test_credentials_that_an_esb_may_not_have_seen_are_told_with_the_other_place(
    code: object, message: str, first: str
) -> None:
    """Where `auto` did not recognise the complaint, and so did not try the parameters, the user may."""
    assert refused_with(code, message) == (first, UNSEEN)


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        (1640001, "app code or app secret is incorrect", CHECK),
        (1640301, "App has no permission to the resource", CHECK),
        (
            "1306000",
            "APP Secret verification failed, authentication of APP Code [bk_app_code=x] is not possible",
            CHECK,
        ),
        (1306402, "User authentication failed, please check if the bk_token is valid", CHECK),
        ("1306403", "APP is forbidden to access this component", CHECK),
        (9900403, "no right to view alerts", CHECK),
        (1306406, "Parameter bk_biz_ids cannot be empty", CORRECT),
        (3300002, "start_time: this field is required", CORRECT),
    ],
)
def test_credentials_that_were_seen_are_not_to_be_put_elsewhere(code: object, message: str, advice: str) -> None:
    """A gateway, bk-monitor itself, and an ESB that judges them have read the header: parameters would only leak."""
    assert refused_with(code, message) == (advice,)


def test_parameters_that_were_tried_are_not_proposed() -> None:
    """Where `auto` went on to the parameters and was refused there too, the credentials are what is left to check."""
    assert refused_with(1306406, "APP Code [bk_app_code] cannot be empty") == (CHECK,)
    assert refused_with("1306000", "please provide a user identity, such as bk_token") == (CHECK,)


@pytest.mark.parametrize("placement", ["header", "params"])
def test_credentials_that_an_esb_misses_are_told_by_their_place(placement: str) -> None:
    """An ESB that calls a missing application a wrong request does not have the search blamed."""
    advice = refused_with(1306406, "APP Code [bk_app_code] cannot be empty", placement=placement)

    assert advice[0].endswith("set auth.placement to auto")
    assert advice[1:] == (CHECK,)
