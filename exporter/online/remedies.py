"""Remedies: what an error of an endpoint says, and what to do about it, by the keys of the config."""

import re
from typing import get_args

from exporter.blueking import BadRequest, BlueKingError, NotAllowed, TimedOut, TooFast, Unreachable, Unreadable
from exporter.config import SourceSettings, format_duration
from exporter.online.asking import first_search
from exporter.online.places import Endpoint, path_of

_PLACEMENTS = {
    "params": "an API gateway reads the credentials in the header only: set auth.placement to auto",
    "header": "an old ESB reads the credentials among the parameters only: set auth.placement to auto",
}
_UNSEEN = (
    "an old ESB that never looks at the header may word it so: then set auth.placement to params"
    " (parameters, and the secrets among them, end up in access logs)"
)
# An ESB's own codes for callers that it does not know and for parameters that it misses (api.md): a gateway has others,
# and so has bk-monitor, which an ESB asks only for callers that it knows.
_ESB_MISSES = re.compile(r"\bcode (1306000|1306402|1306406)\b[^()]*\)$")
# What is said of credentials that were seen.
_SEEN = re.compile(r"bk_app_code=|\b(in)?valid\b|incorrect|expired|verif|无效|错误|过期|校验", re.IGNORECASE)
# With placement auto, what a refusal in both places is told as.
_IN_BOTH_PLACES = "credentials in params: "
_ELSEWHERE = {
    "search_alert": "on an API gateway the path ends in /app/alert/search/",
    "get_event_log": "a gateway normally lacks it: paths.get_event_log may be a whole address, of the ESB",
}


def words(error: BlueKingError) -> str:
    """Return what an error says, without the endpoint before it."""
    endpoint, _, rest = str(error).partition(": ")
    return rest if endpoint in get_args(Endpoint) else str(error)


def remedies(error: BlueKingError, endpoint: Endpoint, source: SourceSettings) -> tuple[str, ...]:
    """Return what to do about an error of an endpoint, a line for each way out."""
    match error:
        case NotAllowed():
            return _for_refusal(error, endpoint, source)
        case BadRequest() if error.credentials_missing or _IN_BOTH_PLACES in str(error):
            return _for_refusal(error, endpoint, source)
        case TooFast():
            return _for_haste(error)
        case BadRequest():
            return _for_bad_request(error, endpoint, source)
        case TimedOut():
            return (
                f"raise timeout (now {format_duration(source.timeout)}); BlueKing itself gives up after 30 to 60 s",
            )
        case Unreachable():
            return ("the connection broke: check again, and ask the source's operators if that goes on",)
        case Unreadable():
            return (f"do url and paths.{endpoint} ({path_of(source, endpoint)}) lead to the API, not to a page?",)
        case _:
            return ("the source is in trouble: check again, and show its operators this message if that goes on",)


def _for_refusal(error: BlueKingError, endpoint: Endpoint, source: SourceSettings) -> tuple[str, ...]:
    auth = source.auth
    given = ", ".join(f"auth.{key}" for key, value in auth if value is not None and key != "placement")
    ways = [f"check {given}, and the application's right to call {endpoint}"]
    if auth.placement in _PLACEMENTS:
        ways.insert(0, _PLACEMENTS[auth.placement])
    ways += _for_unseen(error, source)
    if source.tenant_id is None:
        ways.append("where the deployment has several tenants, set tenant_id")
    return tuple(ways)


def _for_unseen(error: BlueKingError, source: SourceSettings) -> tuple[str, ...]:
    """Return what to do where an ESB may not have seen the credentials, and said so in words that are not known."""
    told = str(error)
    is_plausible = _ESB_MISSES.search(told) and not _SEEN.search(told) and _IN_BOTH_PLACES not in told
    return (_UNSEEN,) if source.auth.placement == "auto" and is_plausible else ()


def _for_haste(error: TooFast) -> tuple[str, ...]:
    wait = "later" if error.retry_after is None else f"in {format_duration(round(error.retry_after, 3))}"
    return (f"check again {wait}; if that goes on, lower rate_limit, or have the application's quota raised",)


def _for_bad_request(error: BadRequest, endpoint: Endpoint, source: SourceSettings) -> tuple[str, ...]:
    if f"paths.{endpoint}" in str(error):
        return (f"correct url or paths.{endpoint} (now {path_of(source, endpoint)})", _ELSEWHERE[endpoint])
    if endpoint == "search_alert":
        return _for_search(error, source)
    return ("is this the id of an alert of this source?", *_for_unseen(error, source))


def _for_search(error: BadRequest, source: SourceSettings) -> tuple[str, ...]:
    """Return which keys of the search to correct: those that the server complains of, or else all that are given."""
    given = [key for key, value in first_search(source) or () if value]
    named = [key for key in given if key in str(error)]
    keys = ", ".join(f"search.{key}" for key in named or given)
    return (f"correct {keys} of the watch", *(() if named else _for_unseen(error, source)))
