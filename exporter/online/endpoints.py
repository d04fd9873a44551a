"""Whether the endpoints of a source let us ask, and answer."""

from exporter.blueking import BlueKingError, NoSuchAlert, Page, TooFast
from exporter.config import SourceSettings
from exporter.flow.records import Log
from exporter.online.asking import OF_ONE_ALERT, Told, first_search
from exporter.online.checks import Check, Verdict
from exporter.online.places import Endpoint, place_of
from exporter.online.remedies import remedies, words


def search_check(source: SourceSettings, told: Told) -> Check:
    """Return whether the first search of the source is allowed and finds alerts."""
    if told.page is None:
        return Check(source.name, "search_alert", Verdict.NOT_CHECKED, "no watch searches")
    if isinstance(told.page, BlueKingError):
        return _refused(source, "search_alert", told.page, told)
    return _found(source, told.page)


def event_log_check(source: SourceSettings, told: Told) -> Check:
    """Return whether the source is willing and able to tell the logs of alerts."""
    error = told.error("get_event_log")
    if not told.logs:
        return _nothing_asked(source, told)
    if error is None:
        return _logs_read(source, told)
    if not any(isinstance(outcome, Log | NoSuchAlert) for outcome in told.logs.values()):
        return _refused(source, "get_event_log", error, told)
    return _partly_read(source, told, error)


def _found(source: SourceSettings, page: Page) -> Check:
    search = first_search(source)
    businesses = ", ".join(map(str, search.bk_biz_ids)) if search else ""
    if page.total or page.sightings:
        found = f"allowed; finds {page.total} alert(s) of the last hour (bk_biz_ids {businesses})"
        return Check(source.name, "search_alert", Verdict.OK, found)
    found = f"allowed, but finds no alert of the last hour (bk_biz_ids {businesses})"
    advice = (
        "unknown or forbidden businesses give fewer rows, not an error: check search.bk_biz_ids and the user's rights"
    )
    return Check(source.name, "search_alert", Verdict.WARNING, found, (advice,))


def _refused(source: SourceSettings, endpoint: Endpoint, error: BlueKingError, told: Told) -> Check:
    place = place_of(source, endpoint)
    if place not in told.answered:
        return Check(source.name, endpoint, Verdict.NOT_CHECKED, f"{place.host} was not reached")
    verdict = Verdict.WARNING if isinstance(error, TooFast) else Verdict.FAILED
    return Check(source.name, endpoint, verdict, words(error), remedies(error, endpoint, source))


def _logs_read(source: SourceSettings, told: Told) -> Check:
    unknown = [alert_id for alert_id, outcome in told.logs.items() if isinstance(outcome, NoSuchAlert)]
    found = f"allowed; {_read(told)} log(s) read"
    if not unknown:
        return Check(source.name, "get_event_log", Verdict.OK, found)
    found = f"{found}; the source does not know {', '.join(unknown)}"
    advice = "an alert is not known for its first seconds, after a year, and to any source but its own"
    return Check(source.name, "get_event_log", Verdict.OK, found, (advice,))


def _partly_read(source: SourceSettings, told: Told, error: BlueKingError) -> Check:
    alert_id = next(alert_id for alert_id, outcome in told.logs.items() if outcome is error)
    found = f"{_read(told)} log(s) read, but not that of alert {alert_id}: {words(error)}"
    advice = remedies(error, "get_event_log", source)
    if error.reason in OF_ONE_ALERT:
        advice = (f"alert {alert_id} alone may be broken: the exporter sets it aside",)
    return Check(source.name, "get_event_log", Verdict.WARNING, found, advice)


def _nothing_asked(source: SourceSettings, told: Told) -> Check:
    if told.spared:
        return Check(source.name, "get_event_log", Verdict.NOT_CHECKED, told.spared)
    advice = "check again when the watches select one"
    return Check(source.name, "get_event_log", Verdict.NOT_CHECKED, "there is no alert to ask about", (advice,))


def _read(told: Told) -> int:
    return sum(isinstance(outcome, Log) for outcome in told.logs.values())
