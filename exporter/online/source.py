"""The checks of one source, in the order in which they make sense to a reader."""

from collections.abc import Iterable

from exporter.config import SourceSettings
from exporter.online.asking import ask
from exporter.online.checks import Check
from exporter.online.endpoints import event_log_check, search_check
from exporter.online.reach import reach_checks
from exporter.online.times import clock_check, time_zone_check


def check_source(source: SourceSettings, labels: Iterable[str], *, now: float) -> tuple[Check, ...]:
    """Ask a source and return what it is like: reach, search_alert, get_event_log, time zone, clock.

    Asks for one page of a search and for five logs at most. `labels` are the config's; `now` is in unix seconds. Raises
    nothing that a source may cause.
    """
    told = ask(source, labels, now=now)
    return (
        *reach_checks(source, told),
        search_check(source, told),
        event_log_check(source, told),
        time_zone_check(source, told, now=now),
        clock_check(source, told, now=now),
    )
