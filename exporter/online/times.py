"""Whether a source's times fit: its configured time zone, and this machine's clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from exporter.blueking import Page
from exporter.config import SourceSettings, format_duration
from exporter.flow.known import NEAREST_ZONES, creation_from_id
from exporter.flow.records import Log, Operate
from exporter.online.asking import Told
from exporter.online.checks import Check, Verdict

_FARTHEST_ZONES = 26 * 3600.0  # nor farther apart: UTC-12 and UTC+14
_BEHIND = 300.0
# Likely ones first; of those with one offset the first names them all well enough.
_ZONES = (
    "Asia/Shanghai",
    "UTC",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Jakarta",
    "Asia/Dubai",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Helsinki",
    "Europe/Moscow",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Pacific/Auckland",
)


@dataclass(frozen=True, slots=True)
class _Creation:
    """An alert's creation as its CREATE record tells it, read in the configured zone, and as its id does."""

    recorded: float
    by_id: float

    def skew(self, configured: ZoneInfo, zone: ZoneInfo) -> float:
        """Return by how many seconds the record is later than the id, if it was written in `zone`."""
        written = datetime.fromtimestamp(self.recorded, configured)
        return written.replace(tzinfo=zone).timestamp() - self.by_id


def time_zone_check(source: SourceSettings, told: Told, *, now: float) -> Check:
    """Return whether CREATE records, read in the configured time zone, agree with the alerts' ids."""
    creations = tuple(_creations(told, now))
    zone = source.timezone
    if not creations:
        found = f"{zone}: no log was read with a creation that the id tells as well"
        return Check(source.name, "time zone", Verdict.NOT_CHECKED, found)
    skew = _skew(creations, zone, zone)
    found = f"{zone}: CREATE {_apart(skew)} the creation that the id tells (median of {len(creations)} alert(s))"
    if abs(skew) < NEAREST_ZONES:
        return Check(source.name, "time zone", Verdict.OK, found)
    if abs(skew) > _FARTHEST_ZONES:
        advice = "no two time zones are so far apart: these ids do not begin with a time, so leave timezone as it is"
        return Check(source.name, "time zone", Verdict.WARNING, found, (advice,))
    return Check(source.name, "time zone", Verdict.FAILED, found, (_advice(creations, zone),))


def clock_check(source: SourceSettings, told: Told, *, now: float) -> Check:
    """Return whether this machine's clock is behind: whether the source tells of what is still to come."""
    sightings = told.page.sightings if isinstance(told.page, Page) else ()
    if not sightings:
        return Check(source.name, "clock", Verdict.NOT_CHECKED, "no search found an alert whose times would tell")
    newest = max(max(sighting.updated_at, sighting.created_at or 0.0) for sighting in sightings)
    if newest - now <= _BEHIND:
        return Check(source.name, "clock", Verdict.OK, "no alert was updated in this machine's future")
    found = f"the newest alert was updated {format_duration(round(newest - now))} from now"
    return Check(source.name, "clock", Verdict.WARNING, found, ("this machine's clock is behind: set it, best by NTP",))


def _creations(told: Told, now: float) -> Iterator[_Creation]:
    for alert_id, log in told.logs.items():
        by_id = creation_from_id(alert_id, now)
        records = log.records if isinstance(log, Log) else ()
        recorded = min((record.created_at for record in records if record.operate == Operate.CREATE), default=None)
        if by_id is not None and recorded is not None:
            yield _Creation(recorded, by_id)


def _skew(creations: Sequence[_Creation], configured: ZoneInfo, zone: ZoneInfo) -> float:
    return median(creation.skew(configured, zone) for creation in creations)


def _apart(skew: float) -> str:
    if abs(skew) < NEAREST_ZONES:
        return f"is {skew:+g} s from"
    hours = round(abs(skew) / NEAREST_ZONES) * NEAREST_ZONES / 3600
    return f"lies {hours:g} h {'after' if skew > 0 else 'before'}"


def _advice(creations: Sequence[_Creation], configured: ZoneInfo) -> str:
    fitting = [name for name in _ZONES if abs(_skew(creations, configured, ZoneInfo(name))) < NEAREST_ZONES]
    if fitting:
        return f"timezone is that of the server process: {' or '.join(fitting)} would be right"
    return "timezone is that of the server process: set the one that makes up for this difference"
