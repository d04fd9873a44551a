"""What a page of a search told of alerts, and how the round ended of which it was the last one."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.flow.known import KnownAlert
from exporter.flow.observations import Count, rejected
from exporter.ledger import Ledger, Transaction
from exporter.watch import SearchWatch

_OF_UNREADABLE = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert of which a page told something new: what was known before, None at first sight, and what is now."""

    before: KnownAlert | None
    after: KnownAlert


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """How the round of a watch ended that began at `at` (unix seconds).

    `vanished` are the alerts of the watch that it did not return, `newly_vanished` those that the last one still did;
    a round that is not complete tells of none. `rejected` counts the rows that could not be read. The round saw all
    alerts of the shards in `owned`.
    """

    at: float
    is_complete: bool
    vanished: frozenset[str]
    newly_vanished: frozenset[str]
    rejected: tuple[Count, ...]
    owned: frozenset[int]


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
        tx.add(self.end.rejected)
        if self.end.is_complete:
            tx.good_cycle(dict(self.watch.base)["source"], self.watch.name, self.end.at, self.end.owned)


def unreadable(ledger: Ledger, source: str, rows: Mapping[str, int]) -> tuple[Count, ...]:
    """Return the observations of rows of a search that could not be read, given by reason.

    Such a row is of no alert, and thus of no shard: every exporter finds it, and who has the first shard counts it.
    """
    if _OF_UNREADABLE not in ledger.owned:
        return ()
    labels = ledger.shards.labelled((("source", source),), _OF_UNREADABLE)
    return tuple(rejected(labels, reason, number) for reason, number in rows.items())
