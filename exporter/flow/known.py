"""What we know of an alert between two reads of its log: enough to count each record once, and no record itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.labels import Labels
from exporter.flow.sightings import Outcome, Sighting

EVERYTHING = float("-inf")
"""`counts_from` of an alert whose whole history counts."""

LATE_ACK_TRIES = 3
"""How often the log is asked again for the ACK record that a search says there is."""

NEAREST_ZONES = 900.0
"""How far two time zones are apart at least, in seconds."""

_NONE_COUNTED: Mapping[str, int] = {}
_ID_PREFIX_DIGITS = 10
_EARLIEST_PLAUSIBLE = 1_262_304_000  # 2010-01-01
_CLOCK_TOLERANCE = 86_400
_ZONE_TOLERANCE = 60.0


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
    it by a search. `quiet_reads` counts the reads in a row that brought nothing new. `ack_sighted_at` is when a search
    first told that somebody had acknowledged it: it happened no later, whether or not a record tells.

    `ack_target` are the seconds within which it must be acknowledged, fixed like the labels, None for no target;
    `deadline_result` is what came of that, None as long as it is open.
    """

    source: str
    alert_id: str
    labels: Labels
    first_seen_at: float
    counts_from: float = EVERYTHING
    read_at: float | None = None
    created_at: float | None = None
    creation_recorded: bool = False
    counted: Mapping[str, int] = field(default_factory=lambda: _NONE_COUNTED)
    rejected: Mapping[str, int] = field(default_factory=lambda: _NONE_COUNTED)
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
    ack_sighted_at: float | None = None
    quiet_reads: int = 0
    ack_target: float | None = None
    deadline_result: DeadlineResult | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The alert's identity: ids are unique within a source only."""
        return self.source, self.alert_id

    @property
    def is_open(self) -> bool:
        """Whether its log was read, and neither it nor a search shows an end; some logs can be read no more."""
        if self.read_at is None or self.outcome is not None:
            return False
        return self.sighting is None or self.sighting.outcome is None

    @property
    def is_acked(self) -> bool:
        """Whether somebody acknowledged it: a record or a search says so; the record may be missing for good."""
        return self.ack.at is not None or (self.sighting is not None and self.sighting.is_acked)

    @property
    def is_shielded(self) -> bool:
        """Whether BlueKing notifies nobody of it, which only a search tells."""
        return self.sighting is not None and self.sighting.is_shielded

    @property
    def ack_record_is_late(self) -> bool:
        """Whether a search says that somebody acknowledged it, and the record is still worth waiting for."""
        return self.ack.at is None and self.is_acked and self.quiet_reads < LATE_ACK_TRIES

    @property
    def open_deadline(self) -> float | None:
        """When it must be acknowledged, in unix seconds; None where there is no target, or the result is told."""
        if self.ack_target is None or self.deadline_result is not None:
            return None
        created_at = self.true_created_at
        return None if created_at is None else created_at + self.ack_target

    @property
    def true_created_at(self) -> float | None:
        """The creation free of a wrong time zone: for what is compared with the clock, not with records."""
        return None if self.created_at is None else self.created_at - self.zone_error(self.created_at)

    def zone_error(self, created_at: float) -> float:
        """Return by how much the records' times are ahead because the configured time zone is not the server's.

        A search and the id tell the creation in unix seconds. Zones differ by quarters of an hour; a CREATE record that
        is off by anything else is not theirs.
        """
        seen = None if self.sighting is None else self.sighting.created_at
        true = creation_from_id(self.alert_id, self.first_seen_at) if seen is None else seen
        if true is None or true == created_at:
            return 0.0
        quarters = round((created_at - true) / NEAREST_ZONES) * NEAREST_ZONES
        return quarters if abs(created_at - true - quarters) <= _ZONE_TOLERANCE else 0.0

    def is_history(self, at: float) -> bool:
        """Whether `at` lies before what the first read counts.

        Only at the first read that shows records: one that shows up later happened while we watched, whatever its time
        claims.
        """
        return not self.counted and at < self.counts_from

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
    """Whether something can have happened at `at`."""
    earliest, latest = plausible_times(now)
    return earliest <= at <= latest


def plausible_times(now: float) -> tuple[float, float]:
    """Return between which times something can have happened: BlueKing Monitor's first days, and a day from now."""
    return _EARLIEST_PLAUSIBLE, now + _CLOCK_TOLERANCE


def counting_start(now: float, window: float, last_good_cycle_at: float | None) -> float:
    """Return `counts_from` for an alert first seen at `now`, after its source's baseline.

    The earlier of the watch's last good cycle and `window` seconds ago: nothing is lost over a down-time, and no
    counter jumps with old history.
    """
    recent = now - window
    return recent if last_good_cycle_at is None else min(recent, last_good_cycle_at)
