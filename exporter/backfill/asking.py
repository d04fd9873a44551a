"""Asking: what is still to be asked of a source, and when, within its rate limit. Told the time; never waits."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from exporter.blueking import BadRequest, BlueKingError, NoSuchAlert, NotAllowed, Reason, TooFast
from exporter.config import RateLimitSettings
from exporter.poller.pace import TokenBucket
from exporter.poller.schedule import source_pause

_TRIES = 4
_MOST_FAILURES = 12
_PAUSING = frozenset({Reason.TOO_FAST, Reason.UNREACHABLE})


class Asking:
    """Lets questions out, told apart by their keys, and takes in what came of them. All times are in seconds.

    Trouble with one question has it asked again, a little later each time, four times in all; then it is `missing`, as
    is at once what the source does not know or calls wrong. What lies with the source has all of them wait: as long as
    the source says, else ever longer. Where the source does not allow us, or twelve questions in a row came to nothing,
    no more is asked, and `stopped_by` tells why.
    """

    def __init__(self, limits: RateLimitSettings, jitter: Callable[[], float], now: float) -> None:
        self.missing: dict[str, BlueKingError] = {}
        self.stopped_by: BlueKingError | None = None
        self._bucket = TokenBucket(limits.requests_per_second, limits.burst, now)
        self._concurrency = limits.concurrency
        self._jitter = jitter
        self._waiting: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._under_way = 0
        self._tries: dict[str, int] = {}
        self._failures = 0
        self._paused_until = now

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to ask, and nothing to wait for."""
        return self.stopped_by is not None or not (self._waiting or self._under_way)

    def put(self, key: str, at: float) -> None:
        """Have a question asked, not before `at`; those that came first go first."""
        heappush(self._waiting, (at, next(self._numbers), key))

    def next(self, now: float) -> str | None:
        """Return what to ask now; None where nothing may be."""
        if self.wakes_at(now) != now or not self._bucket.take(now):
            return None
        self._under_way += 1
        return heappop(self._waiting)[2]

    def wakes_at(self, now: float) -> float | None:
        """Return when there may be something to ask, `now` at the earliest; None where only an answer can tell."""
        at_once = 1 if self._failures else self._concurrency  # in trouble, one question at a time is enough
        if self.stopped_by is not None or not self._waiting or self._under_way >= at_once:
            return None
        return max(now, self._waiting[0][0], self._paused_until, now + self._bucket.wait(now))

    def answered(self, key: str, error: BlueKingError | None, asked_at: float, now: float) -> None:
        """Take in what came of a question that was asked at `asked_at`; an `error` has it asked again, or given up."""
        self._under_way -= 1
        if error is None or isinstance(error, NoSuchAlert):
            self._failures = 0
        if error is None:
            self._bucket.speed_up()
            self._tries.pop(key, None)
            return
        if isinstance(error, NotAllowed):
            self.stopped_by = error
        elif error.reason in _PAUSING:
            self._pause(error, asked_at, now)
            self.put(key, now)
        else:
            self._failures += not isinstance(error, NoSuchAlert)
            self._retry(key, error, now)
        if self._failures >= _MOST_FAILURES:
            self.stopped_by = error

    def _pause(self, error: BlueKingError, asked_at: float, now: float) -> None:
        if asked_at < self._paused_until:
            return  # it went out before we knew, and says nothing new
        self._failures += 1
        retry_after = error.retry_after if isinstance(error, TooFast) else None
        if isinstance(error, TooFast):
            self._bucket.slow_down()
        self._paused_until = now + source_pause(error.reason, self._failures, retry_after, self._jitter())

    def _retry(self, key: str, error: BlueKingError, now: float) -> None:
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        if tries >= _TRIES or isinstance(error, BadRequest | NoSuchAlert):
            self.missing[key] = error
        else:
            self.put(key, now + source_pause(error.reason, tries, None, self._jitter()))
