"""The parts of a source's poller, shared by those who decide, who keep the roster and who tell how it stands."""

from dataclasses import dataclass

from exporter.poller.cycle import Progress
from exporter.poller.health import SourceHealth
from exporter.poller.searcher import Searcher
from exporter.poller.skew import TimezoneSkew
from exporter.poller.streaks import Streaks
from exporter.poller.turnstile import Turnstile


@dataclass(frozen=True, slots=True)
class Parts:
    """What one source's poller is made of; each part is changed by the poller's thread only."""

    searcher: Searcher
    turnstile: Turnstile
    health: SourceHealth
    streaks: Streaks
    progress: Progress
    skew: TimezoneSkew
