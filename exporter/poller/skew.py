"""Whether a source's configured time zone is its server's: told by CREATE records and ids that differ."""

from collections.abc import Sequence
from itertools import islice
from statistics import median

import structlog

from exporter.flow.known import KnownAlert

_KEPT = 100
_NEEDED = 3
_REPORTED = 900.0  # no two time zones are nearer to each other

log = structlog.get_logger()


class TimezoneSkew:
    """The median of CREATE record time less id time over the alerts read last, in seconds."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._skews: dict[str, float] = {}
        self._is_reported = False

    @property
    def seconds(self) -> float | None:
        """The skew, None as long as fewer than three alerts tell it: one alone may be an oddity."""
        return median(self._skews.values()) if len(self._skews) >= _NEEDED else None

    @property
    def reported(self) -> float:
        """The skew where it is that of a wrong time zone, else 0."""
        return (self.seconds or 0.0) if self._is_reported else 0.0

    def forget(self) -> None:
        """Begin anew: the source's times may be read in another zone from now on."""
        self._skews.clear()
        self._is_reported = False

    def add(self, known: KnownAlert, now: float) -> None:
        """Take in an alert that was read; each alert counts once, as last read."""
        self.add_all([known], now)

    def add_all(self, alerts: Sequence[KnownAlert], now: float) -> None:
        """Take in alerts in the order in which they were read; of many, only the last ones are looked at."""
        told = ((known.alert_id, known.creation_skew(now)) for known in reversed(alerts))
        last = list(islice(((alert_id, skew) for alert_id, skew in told if skew is not None), _KEPT))
        for alert_id, skew in reversed(last):
            self._skews.pop(alert_id, None)
            self._skews[alert_id] = skew
        while len(self._skews) > _KEPT:
            del self._skews[next(iter(self._skews))]
        if last:
            self._report()

    def _report(self) -> None:
        seconds = self.seconds
        is_off = seconds is not None and abs(seconds) >= _REPORTED
        if is_off and not self._is_reported:
            log.warning(
                "the source's timezone contradicts its alerts' ids: check sources[].timezone",
                source=self._source,
                skew_seconds=seconds,
            )
        self._is_reported = is_off
