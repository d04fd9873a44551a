"""The truth of a chaos: what was counted by hand, less what was lost, and with what was allowed to be otherwise."""

from collections.abc import Sequence

from tests.chaos.upstream import Upstream, target_samples
from tests.e2e.harness import Samples

_FIRST_SEEN_WINDOW = 3600.0  # seconds, as it is unless configured


class Truth:
    """What all flow metrics should tell once every deadline is over; without zeros, but for what was written off."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self._upstreams = upstreams
        self._lost: dict[str, frozenset[str]] = {}
        self._written_off: Samples = {}

    def samples(self, now: float) -> Samples:
        """Return what is true at `now`, in unix seconds."""
        truth = target_samples()
        for upstream in self._upstreams:
            truth |= upstream.truth(now, self._lost.get(upstream.name, frozenset()))
        return {key: truth.get(key, 0.0) + self._written_off.get(key, 0.0) for key in truth | self._written_off}

    def lose(self, now: float) -> None:
        """From now on only what an exporter finds counts that knows nothing, and what comes."""
        for upstream in self._upstreams:
            self._lost[upstream.name] = upstream.ids(now) - upstream.found(now - _FIRST_SEEN_WINDOW, now)
        self._written_off = {}

    def write_off(self, told: Samples, now: float) -> None:
        """Take what is told for true."""
        truth = self.samples(now)
        for key in told.keys() | truth.keys():
            off = told.get(key, 0.0) - truth.get(key, 0.0)
            self._written_off[key] = self._written_off.get(key, 0.0) + off
