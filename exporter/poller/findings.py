"""What a page of a search told of alerts, and how the round ended of which it was the last one."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.ledger import Transaction
from exporter.watch import SearchWatch


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert of which a page told something new: what was known before, None at first sight, and what is now."""

    before: KnownAlert | None
    after: KnownAlert


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """How the round of a watch ended that began at `at` (unix seconds).

    `vanished` are the alerts of the watch that it did not return, `newly_vanished` those that the last one still did;
    a round that is not complete tells of none. `rejected` counts the rows that could not be read, by reason.
    """

    at: float
    is_complete: bool
    vanished: frozenset[str]
    newly_vanished: frozenset[str]
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a page told, to be committed; `end` is None where more pages of its round are to come.

    `news` are the alerts of which it told something new, `reappeared` those that the last round did not return.
    """

    watch: SearchWatch
    news: tuple[Finding, ...]
    reappeared: frozenset[str]
    end: RoundEnd | None

    def fill(self, tx: Transaction) -> None:
        """Put it into a transaction."""
        for finding in self.news:
            if finding.after is not finding.before:
                tx.put(finding.after)
        if self.end is None:
            return
        source = dict(self.watch.base)["source"]
        for reason, rows in self.end.rejected.items():
            tx.add([Count(Total.RECORDS_REJECTED, make_labels({"source": source, "reason": reason}), rows)])
        if self.end.is_complete:
            tx.good_cycle(source, self.watch.name, self.end.at)
