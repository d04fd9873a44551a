"""Shards: how the alerts are divided among exporters that share one ledger."""

import zlib
from dataclasses import dataclass

from exporter.flow.labels import Labels, extend

SHARD = "shard"
"""The label that tells the shard of a series, where there is more than one."""

MOST_SHARDS = 1024
"""How many there may be."""


@dataclass(frozen=True, slots=True)
class Shards:
    """The alerts divided into `number` parts, which are called 0, 1, and so on."""

    number: int = 1

    def of(self, source: str, alert_id: str) -> int:
        """Return the shard of an alert; it is the same in every process and version."""
        return 0 if self.number == 1 else zlib.crc32(f"{source} {alert_id}".encode()) % self.number

    def of_labels(self, labels: Labels) -> int:
        """Return the shard that is in charge of a series.

        Where the alerts were divided otherwise when it came to be, it keeps the label that it had.
        """
        if self.number == 1:
            return 0
        told = dict(labels).get(SHARD, "0")
        return int(told) % self.number if told.isdecimal() else 0

    def labelled(self, labels: Labels, shard: int) -> Labels:
        """Return the labels of an alert with the one that tells its shard; there is none where there is one shard."""
        return labels if self.number == 1 else extend(labels, shard=str(shard))


ONE_SHARD = Shards()
"""One exporter has all alerts."""
