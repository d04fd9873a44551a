"""Remedies: what an error of an endpoint says, and what to do about it, by the keys of the config."""

from typing import get_args

from exporter.blueking import BadRequest, BlueKingError, NotAllowed, TimedOut, TooFast, Unreachable, Unreadable
from exporter.config import SourceSettings, format_duration
from exporter.online.asking import first_search
from exporter.online.places import Endpoint, path_of

_PLACEMENTS = {
    "params": "an API gateway reads the credentials in the header only: set auth.placement to auto",
    "header": "an old ESB reads the credentials among the parameters only: set auth.placement to auto",
}
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
            return _for_refusal(endpoint, source)
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


def _for_refusal(endpoint: Endpoint, source: SourceSettings) -> tuple[str, ...]:
    auth = source.auth
    given = ", ".join(f"auth.{key}" for key, value in auth if value is not None and key != "placement")
    ways = [f"check {given}, and the application's right to call {endpoint}"]
    if auth.placement in _PLACEMENTS:
        ways.insert(0, _PLACEMENTS[auth.placement])
    if source.tenant_id is None:
        ways.append("where the deployment has several tenants, set tenant_id")
    return tuple(ways)


def _for_haste(error: TooFast) -> tuple[str, ...]:
    wait = "later" if error.retry_after is None else f"in {format_duration(round(error.retry_after, 3))}"
    return (f"check again {wait}; if that goes on, lower rate_limit, or have the application's quota raised",)


def _for_bad_request(error: BadRequest, endpoint: Endpoint, source: SourceSettings) -> tuple[str, ...]:
    if f"paths.{endpoint}" in str(error):
        return (f"correct url or paths.{endpoint} (now {path_of(source, endpoint)})", _ELSEWHERE[endpoint])
    if endpoint == "search_alert":
        return (f"correct {_search_keys(str(error), source)} of the watch",)
    return ("is this the id of an alert of this source?",)


def _search_keys(complaint: str, source: SourceSettings) -> str:
    """Return the keys of the search that the server complains of, or else all that are given."""
    given = [key for key, value in first_search(source) or () if value]
    named = [key for key in given if key in complaint] or given
    return ", ".join(f"search.{key}" for key in named)
