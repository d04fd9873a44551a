"""The births of series: when a scrape first got one as 0, and when it was held at 0 for long enough."""

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.ledger import Ledger, Series, Transaction


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be committed: the series that a scrape got as 0, and when (unix seconds), and those to reveal."""

    served: dict[Series, float]
    revealed: tuple[Series, ...]

    def fill(self, tx: Transaction) -> None:
        """Put it into a transaction."""
        tx.serve(self.served)
        tx.reveal(self.revealed)


class Births:
    """Remembers what scrapes got until that is committed. Used by one thread; times in unix seconds."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._served: dict[Series, float] = {}

    def due(self, served: Iterable[tuple[tuple[Series, ...], float]], now: float, hold: float) -> Due:
        """Return what is to be committed at `now`, where series are held at 0 for `hold` seconds.

        `served` are those that scrapes got as 0 since this was asked last, and when.
        """
        for newborn, at in served:
            for series in newborn:
                self._served.setdefault(series, at)
        unrevealed = self._ledger.unrevealed()
        known = {s: at for s, at in self._served.items() if s in unrevealed and unrevealed[s].served_at is None}
        revealed = tuple(
            series
            for series, total in unrevealed.items()
            if hold == 0 or (total.served_at is not None and total.served_at + hold <= now)
        )
        return Due(known, revealed)

    def committed(self) -> None:
        """Note that what was due last is committed."""
        self._served.clear()
