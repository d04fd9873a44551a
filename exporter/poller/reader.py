"""What the log of an alert means, or that it cannot be read, for what is known of the alert."""

from dataclasses import replace

from exporter.blueking import BlueKingError
from exporter.config import PollSettings
from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.records import Log
from exporter.ledger import Ledger, Transaction
from exporter.poller.parts import Parts


class Reader:
    """Moves what is known of the alerts of one source. Used by one thread; changes nothing but transactions."""

    def __init__(self, source: str, ledger: Ledger, parts: Parts) -> None:
        self._source = source
        self._ledger = ledger
        self._searcher = parts.searcher
        self._streaks = parts.streaks
        self._skew = parts.skew

    def take(
        self, alert_id: str, told: Log | BlueKingError, asked_at: float, tx: Transaction, now: float, poll: PollSettings
    ) -> None:
        """Put what an answer tells of an alert into the transaction; times in unix seconds."""
        # A search may have told something of the same alert in the same transaction: one builds on the other.
        known = tx.alerts.get((self._source, alert_id)) or self._ledger.get(self._source, alert_id)
        if known is None:
            return
        if isinstance(told, Log):
            if known.read_at is None:
                # Written in a wrong time zone, the records of a new alert would all look like history.
                known = replace(known, counts_from=known.counts_from + self._skew.reported)
            self._advance(known, told, tx, asked_at, poll)
        elif self._streaks.is_lost_after(known, told.reason, now, poll.max_age):
            # Gone for good, as far as one can tell: what we know of its end, or its age, is all there will be.
            self._advance(known, Log(), tx, now, poll, only_to_rest=True)

    def _advance(
        self,
        known: KnownAlert,
        read: Log,
        tx: Transaction,
        now: float,
        poll: PollSettings,
        *,
        only_to_rest: bool = False,
    ) -> None:
        # What a search still returns as open is open, however old it is.
        is_sighted = self._searcher.watches(known.alert_id) and known.alert_id not in self._searcher.vanished
        max_age = float("inf") if is_sighted else poll.max_age
        policy = Policy(poll.settle, max_age, is_read=not only_to_rest)
        known, observations = advance(known, read, now=now, policy=policy)
        if known.rested_at is not None or not only_to_rest:
            tx.put(known)
            tx.add(observations)
