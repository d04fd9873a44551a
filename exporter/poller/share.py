"""The share that an exporter has of a source: which alerts, and how much of the rate limit."""

from exporter.config import RateLimitSettings
from exporter.flow.labels import Labels
from exporter.flow.shards import Shards
from exporter.watch import Selection


class Share:
    """The alerts of a source in the shards that are `owned`; another object that is equal is another ownership."""

    def __init__(self, source: str, shards: Shards, owned: frozenset[int]) -> None:
        self._source = source
        self._shards = shards
        self.owned = owned
        self._whole: Selection = {}
        self._part: Selection = {}
        self._part_owned = owned

    def __contains__(self, alert_id: str) -> bool:
        """Whether an alert is in it."""
        return self._shards.of(self._source, alert_id) in self.owned

    def of(self, selection: Selection) -> Selection:
        """Return what a selection has of it: the same object as before where neither changed."""
        if self._shards.number == 1:
            return selection
        if selection is not self._whole or self.owned is not self._part_owned:
            self._whole, self._part_owned = selection, self.owned
            of, source, owned = self._shards.of, self._source, self.owned  # for this may be done for very many
            self._part = {
                alert_id: selected for alert_id, selected in selection.items() if of(source, alert_id) in owned
            }
        return self._part


def labelled(shards: Shards, key: tuple[str, str], labels: Labels) -> Labels:
    """Return the labels of an alert that is first seen with `labels`."""
    return shards.labelled(labels, shards.of(*key))


def part_of(limits: RateLimitSettings, members: int) -> RateLimitSettings:
    """Return the part of a source's limits that each of so many exporters has.

    No exporter can do with less than a burst and a concurrency of 1: more of them than that ask for more at once.
    """
    if members == 1:
        return limits
    return limits.model_copy(
        update={
            "requests_per_second": limits.requests_per_second / members,
            "burst": max(1, limits.burst // members),
            "concurrency": max(1, limits.concurrency // members),
        }
    )
