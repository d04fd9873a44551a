"""What we know of an alert between two reads of its log: enough to count each record once, and no record itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.flow.labels import Labels
from exporter.flow.sightings import Outcome, Sighting

EVERYTHING = float("-inf")
"""`counts_from` of an alert whose whole history counts."""

_ID_PREFIX_DIGITS = 10
_EARLIEST_PLAUSIBLE = 1_262_304_000  # 2010-01-01
_CLOCK_TOLERANCE = 86_400


@dataclass(frozen=True, slots=True)
class Milestone:
    """The first time something happened to an alert, and whether the totals have it.

    `at` is in unix seconds, None as long as no record tells it. `observed` is true once the latency was observed, or
    once it is settled that it never will be, because it lies before the alert's `counts_from`.
    """

    at: float | None = None
    observed: bool = False


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """What we know of one alert; all times in unix seconds.

    `labels` are those of every series it adds to, fixed when it is first seen. At the first read that shows records,
    what happened before `counts_from` is taken note of and not counted. `counted` and `rejected` hold how many rows of
    each operate, and unreadable rows of each reason, were counted so far. `creation_recorded` tells a `created_at`
    from a CREATE record from one that was derived, and `end_recorded` an end that a record tells from one that only a
    search told. From `settles_at` on, a read is the last one; at `rested_at` it was made.

    `sighting` is what a search told last, None for an alert that no search found; `watch` is the watch that selects
    it by a search. `quiet_reads` counts the reads in a row that brought nothing new.
    """

    source: str
    alert_id: str
    labels: Labels
    first_seen_at: float
    counts_from: float = EVERYTHING
    read_at: float | None = None
    created_at: float | None = None
    creation_recorded: bool = False
    counted: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    ack: Milestone = Milestone()
    first_action: Milestone = Milestone()
    end: Milestone = Milestone()
    end_recorded: bool = False
    outcome: Outcome | None = None
    settles_at: float | None = None
    rested_at: float | None = None
    anomaly_count: int | None = None
    watch: str = ""
    sighting: Sighting | None = None
    quiet_reads: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The alert's identity: ids are unique within a source only."""
        return self.source, self.alert_id

    @property
    def is_open(self) -> bool:
        """Whether its log was read and shows no end."""
        return self.read_at is not None and self.outcome is None

    @property
    def is_acked(self) -> bool:
        """Whether somebody acknowledged it."""
        return self.ack.at is not None

    def creation_skew(self, now: float) -> float | None:
        """Return the CREATE record's time less the id's, in seconds; None where one of them is not known.

        Far from 0 for several alerts means that the source's configured time zone is not the server's.
        """
        by_id = creation_from_id(self.alert_id, now)
        if self.created_at is None or not self.creation_recorded or by_id is None:
            return None
        return self.created_at - by_id


def creation_from_id(alert_id: str, now: float) -> float | None:
    """Return the creation that an alert's id tells, in unix seconds; None where it tells none that is plausible.

    Today's ids begin with ten digits of unix seconds (api.md); older ones do not.
    """
    prefix = alert_id[:_ID_PREFIX_DIGITS]
    if len(prefix) < _ID_PREFIX_DIGITS or not (alert_id.isascii() and alert_id.isdecimal()):
        return None
    return float(prefix) if is_plausible_time(int(prefix), now) else None


def is_plausible_time(at: float, now: float) -> bool:
    """Whether something can have happened at `at`: not before BlueKing Monitor was, nor more than a day from now."""
    return _EARLIEST_PLAUSIBLE <= at <= now + _CLOCK_TOLERANCE


def counting_start(now: float, window: float, last_good_cycle_at: float | None) -> float:
    """Return `counts_from` for an alert first seen at `now`, after its source's baseline.

    The earlier of the watch's last good cycle and `window` seconds ago: nothing is lost over a down-time, and no
    counter jumps with old history.
    """
    recent = now - window
    return recent if last_good_cycle_at is None else min(recent, last_good_cycle_at)
