"""How a source fares as a whole: whether it answers, for how long it is left alone, and why."""

from collections import Counter
from collections.abc import Callable

import structlog

from exporter.blueking import BlueKingError, Reason, TooFast
from exporter.poller.schedule import DOWN_AFTER, SOURCE_REASONS, is_down, source_pause

log = structlog.get_logger()


class SourceHealth:
    """Told of each answer and failure; logs once per change.

    `jitter` draws from 0 to 1; times are unix seconds. `succeeded_at` goes on from the last start.
    """

    def __init__(self, source: str, jitter: Callable[[], float], succeeded_at: float | None) -> None:
        self._source = source
        self._jitter = jitter
        self._failures: Counter[Reason] = Counter()  # since the last answer
        self._failed_at = 0.0
        self._refused_at: dict[str, float] = {}  # key -> when the source as a whole was last blamed for its failure
        self._refuses_logs = False
        self._told_to_wait_until = 0.0
        self.trouble = ""
        self.paused_until = 0.0
        self.answered_at: float | None = None
        self.succeeded_at = succeeded_at

    @property
    def is_probing(self) -> bool:
        """Whether a single question should go ahead and tell how the source is."""
        return self.paused_until > 0

    def succeeded(self, key: str, asked_at: float, now: float) -> None:
        """Note a log that was read."""
        self.succeeded_at = now
        self.answered(key, asked_at, now)

    def answered(self, key: str, asked_at: float, now: float) -> None:
        """Note that the source tells logs, whatever it said of this alert's."""
        self.answered_at = now
        self._refused_at.pop(key, None)
        self._recover(asked_at)

    def searched(self, key: str, asked_at: float, now: float) -> None:
        """Note a page of a search: where only searches were refused we are let in again.

        Where logs were, nothing is said of them: one is asked for next, and tells.
        """
        self.succeeded_at = now
        self._refused_at.pop(key, None)
        if self.is_probing and not self._refuses_logs:
            self._recover(asked_at)
        elif self.is_probing and asked_at > self._failed_at:
            self.paused_until = min(self.paused_until, now)

    def was_refused(self, key: str) -> bool:
        """Whether the source as a whole was blamed for the last failure of `key`."""
        return key in self._refused_at

    def lies_with(self, key: str, reason: Reason) -> bool:
        """Whether a failure of the source's kind lies with `key` alone: it told logs since it last failed `key` so.

        Without that, one alert that it may not tell, or that breaks its connections, would pause all the others for
        good. A rate limit is always the source's.
        """
        refused_at = self._refused_at.get(key)
        is_told = refused_at is not None and self.answered_at is not None and self.answered_at > refused_at
        return reason in SOURCE_REASONS and reason is not Reason.TOO_FAST and is_told

    def forget(self, key: str) -> None:
        """Forget what became of `key`, which is asked for no more."""
        self._refused_at.pop(key, None)

    def _recover(self, asked_at: float) -> None:
        if asked_at <= self._failed_at:
            return  # it was under way when another question was refused: no reason to end the pause
        if self.trouble:
            log.info("source is back", source=self._source, after=self.trouble)
        self.paused_until = 0.0
        self.trouble = ""
        self._refuses_logs = False
        self._failures.clear()

    def clock_set_back(self, by: float) -> None:
        """Move what is remembered with the clock, so that nothing lies in its future."""
        self.paused_until -= by
        self._told_to_wait_until -= by
        self._failed_at -= by
        self._refused_at = {key: at - by for key, at in self._refused_at.items()}
        self.answered_at = None if self.answered_at is None else self.answered_at - by

    def reconnected(self, now: float) -> None:
        """Note that the source is asked in another way from now on: that may help, so a pause ends, unless the source
        itself told us to wait.
        """
        if self.is_probing:
            self.paused_until = max(now, self._told_to_wait_until)

    def failed(self, key: str, error: BlueKingError, asked_at: float, now: float, *, is_log: bool = True) -> None:
        """Note a question without an answer; pause the source where the trouble is its own."""
        is_of_the_source = error.reason in SOURCE_REASONS
        if is_of_the_source:
            self._refused_at[key] = now
            self._refuses_logs = self._refuses_logs or is_log
        if is_of_the_source and asked_at <= self._failed_at:
            return  # it was under way when another one failed: the same trouble, told twice
        self._failures[error.reason] += 1
        alike = self._failures[error.reason]  # alerts that time out are no reason to stay away longer from a source
        if is_of_the_source:
            self._failed_at = now
            retry_after = error.retry_after if isinstance(error, TooFast) else None
            self._told_to_wait_until = max(self._told_to_wait_until, now + (retry_after or 0.0))
            pause = source_pause(error.reason, alike, retry_after, self._jitter())
            self.paused_until = max(self.paused_until, now + pause)
        if not self.trouble and not is_down(error.reason, alike) and self._failures.total() < DOWN_AFTER:
            return
        if not self.trouble:
            log.error("source is in trouble", source=self._source, reason=error.reason, error=str(error))
        self.trouble = str(error)
