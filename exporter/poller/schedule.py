"""The schedule: when an alert's log is to be asked for next. Pure; all times in unix seconds, durations in seconds."""

from dataclasses import dataclass
from enum import StrEnum
from math import ldexp
from zlib import crc32

from exporter.blueking import Reason
from exporter.flow.known import KnownAlert

QUICK_TRIES = 3
"""How often an alert that the source does not know is asked for before it counts as missing."""
QUARANTINE_AFTER = 5
"""How many failures in a row, while the source answers others, put an alert into quarantine."""
LONGEST_RETRY = 3600.0
LONGEST_REFRESH = 3600.0
_LONGEST_UNSURE_RETRY = 300.0
_INDEX_REFRESH = 5.0
_LONGEST_SOURCE_PAUSE = 300.0
_NOT_ALLOWED_PAUSE = 60.0
_LONGEST_NOT_ALLOWED_PAUSE = 600.0
_FIRST_PAUSE = 1.0

DOWN_AFTER = 5
"""How many polls in a row without an answer, of whichever alerts and reasons, mean that the source is down."""
DOWN_AFTER_UNREACHABLE = 2
"""The same for connections that fail: a single one may be an idle connection that the server just closed."""
SOURCE_REASONS = frozenset({Reason.NOT_ALLOWED, Reason.TOO_FAST, Reason.UNREACHABLE})
"""Reasons that lie with the source: the whole source waits, and no alert is blamed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often alerts are asked about: fixed ones at the intervals, those that searches find after `refresh`."""

    interval: float
    acked_interval: float
    refresh: float
    settle: float


class GivenUp(StrEnum):
    """Why an alert is asked about ever more rarely."""

    QUARANTINED = "quarantined"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Streak:
    """Failures in a row of one alert: how many, since when, and of what kind the last one was."""

    failures: int
    since: float
    reason: Reason

    @property
    def is_hopeless(self) -> bool:
        """Whether the alert is in quarantine as soon as the source answers others."""
        if self.reason is Reason.NO_SUCH_ALERT:
            return False
        return self.reason is Reason.BAD_REQUEST or self.failures >= QUARANTINE_AFTER

    def given_up(self, source_answered_at: float | None) -> GivenUp | None:
        """Return how the alert stands; an alert is blamed only where the source answered others meanwhile.

        Without that rule a source that is down for a while would have all its alerts in quarantine afterwards, and
        its baseline would end without them.
        """
        if self.reason is Reason.NO_SUCH_ALERT:
            return GivenUp.MISSING if self.failures > QUICK_TRIES else None
        if source_answered_at is None or source_answered_at <= self.since:
            return None
        return GivenUp.QUARANTINED if self.is_hopeless else None


def is_down(reason: Reason, failures: int) -> bool:
    """Return whether a source is down after `failures` of this reason, with no answer between them."""
    needed = {Reason.NOT_ALLOWED: 1, Reason.UNREACHABLE: DOWN_AFTER_UNREACHABLE}
    return failures >= needed.get(reason, DOWN_AFTER)


def fail(streak: Streak | None, reason: Reason, now: float) -> Streak:
    """Return the streak after one more failure; to be unknown is another matter than to be in trouble."""
    if streak is None or (streak.reason is Reason.NO_SUCH_ALERT) != (reason is Reason.NO_SUCH_ALERT):
        return Streak(1, now, reason)
    return Streak(streak.failures + 1, streak.since, reason)


def next_poll_at(known: KnownAlert, now: float, pace: Pace) -> float | None:
    """Return when to ask next after a good answer at `now`; None for an alert that rests.

    A late poll is not caught up: the next one is an interval from now.
    """
    if known.rested_at is not None:
        return None
    if known.settles_at is not None:
        return known.settles_at
    is_acked = known.is_acked
    if known.sighting is None:
        at = _next_slot(known.alert_id, now, pace.acked_interval if is_acked else pace.interval)
        return _or_deadline(known, at, now, pace, spared=0.0)
    if known.sighting.outcome is not None:  # told before a restart, and not read since
        return (now if known.sighting.ended_at is None else known.sighting.ended_at) + pace.settle
    if is_acked and known.ack_record_is_late:
        return now + pace.settle * 2.0**known.quiet_reads
    rarity = max(1.0, pace.acked_interval / pace.interval) if is_acked else 1.0
    at = now + doubled(pace.refresh * rarity, 1 + known.quiet_reads, max(pace.refresh, LONGEST_REFRESH))
    return _or_deadline(known, at, now, pace, spared=pace.refresh)


def _next_slot(alert_id: str, now: float, every: float) -> float:
    """Return the alert's next slot; each has its own, or alerts that came together would be asked together for ever.

    A slot that is all but there is left out, so that no alert is asked twice within moments.
    """
    phase = crc32(alert_id.encode()) / 2**32 * every
    wait = every - (now - phase) % every
    return now + (wait if wait >= every / 10 else wait + every)


def _or_deadline(known: KnownAlert, at: float, now: float, pace: Pace, *, spared: float) -> float:
    """Return when the ack deadline's result can be told where that is next, else `at`.

    A look at `at` that is less than `spared` seconds before it is left out: the deadline's own read tells as much.
    """
    deadline = known.open_deadline
    if deadline is None or deadline + pace.settle <= now:
        return at
    return deadline + pace.settle if at > deadline + pace.settle - spared else at


def sighted_due_at(before: KnownAlert | None, after: KnownAlert, now: float, pace: Pace) -> float | None:
    """Return when a finding makes a read of the log due; None where it suggests no change.

    An end is read once, when it has settled: that one read tells the end and all that was still unread before it.
    """
    seen = after.sighting
    if seen is None or after.settles_at is not None:
        return None
    was = None if before is None else before.sighting
    if seen.outcome is not None:
        if was is not None and was.outcome is not None:
            return None
        # A server's clock may be ahead of ours: never wait longer than `settle` from now on.
        return max(now, (now if seen.ended_at is None else min(now, seen.ended_at)) + pace.settle)
    is_news = was is None or (seen.is_acked and not was.is_acked)
    return now if is_news and not (seen.is_acked and after.ack.at is not None) else None


def retry_at(streak: Streak, given_up: GivenUp | None, now: float, pace: Pace, jitter: float) -> float:
    """Return when to ask again after a failure at `now`; `jitter` is drawn from 0 to 1.

    The wait doubles with each failure, up to an hour for an alert that was given up; half of it is jitter, so that
    alerts that failed together do not come back together.
    """
    if given_up is GivenUp.MISSING or (given_up and streak.reason is Reason.BAD_REQUEST):
        return now + LONGEST_RETRY * (0.5 + jitter / 2)
    if streak.reason is Reason.NO_SUCH_ALERT:
        return now + min(max(pace.interval, _INDEX_REFRESH), _LONGEST_UNSURE_RETRY)
    longest = LONGEST_RETRY if given_up else _LONGEST_UNSURE_RETRY
    return now + doubled(pace.interval, streak.failures, longest) * (0.5 + jitter / 2)


def source_pause(reason: Reason, failures: int, retry_after: float | None, jitter: float) -> float:
    """Return for how long a whole source is left alone after its `failures`-th failure of this reason in a row."""
    if retry_after is not None:
        return retry_after
    if reason is Reason.NOT_ALLOWED:
        return doubled(_NOT_ALLOWED_PAUSE, failures, _LONGEST_NOT_ALLOWED_PAUSE)
    return doubled(_FIRST_PAUSE, failures, _LONGEST_SOURCE_PAUSE) * (0.5 + jitter / 2)


def doubled(first: float, times: int, longest: float) -> float:
    """Return the wait after the `times`-th failure in a row: `first`, then twice as long each time, up to `longest`."""
    # 2.0 ** 1024 overflows; the longest wait is reached long before.
    wait = ldexp(first, times - 1 if times < 65 else 64)
    return wait if wait < longest else longest


def fail_search(streak: Streak | None, reason: Reason, now: float) -> Streak:
    """Return a search's streak after one more failure; to be refused as wrong is another matter than trouble."""
    if streak is None or (streak.reason is Reason.BAD_REQUEST) != (reason is Reason.BAD_REQUEST):
        return Streak(1, now, reason)
    return Streak(streak.failures + 1, streak.since, reason)


def search_retry_at(streak: Streak, now: float, pace: Pace, jitter: float) -> float:
    """Return when to make a search again after a failure at `now`; `jitter` is drawn from 0 to 1.

    The wait doubles with each failure: up to five minutes in trouble, up to an hour for a search that was refused as
    wrong, which is not to be repeated unchanged (api.md). It begins at the interval, because a gateway that is being
    redeployed calls every request wrong. Half of it is jitter.
    """
    longest = LONGEST_RETRY if streak.reason is Reason.BAD_REQUEST else _LONGEST_UNSURE_RETRY
    return now + doubled(pace.interval, streak.failures, longest) * (0.5 + jitter / 2)
