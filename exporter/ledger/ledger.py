"""The ledger: loads what was committed, commits what changes together, and shows only what is committed."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy import Connection, select

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.flow.shards import Shards
from exporter.ledger import columns, schema
from exporter.ledger.buckets import restart_changed_histograms
from exporter.ledger.database import Database, open_database
from exporter.ledger.errors import LedgerError
from exporter.ledger.fence import FencedDatabase
from exporter.ledger.lease import seconds
from exporter.ledger.loading import load
from exporter.ledger.membership import Membership
from exporter.ledger.memory import Memory
from exporter.ledger.rows import alerts_from, watch_key
from exporter.ledger.totals import (
    Bounds,
    Series,
    SeriesTotal,
    View,
    alert_labels,
)
from exporter.ledger.transaction import Key, Transaction, place_of, write

_IDS_PER_QUERY = 500


def open_ledger(
    url: str,
    bounds: Bounds,
    observe_commit: Callable[[float], None] = lambda _seconds: None,
    clock: Callable[[], float] = time.time,
    shards: int = 1,
) -> "Ledger":
    """Open the ledger at `url`, made where there is none, and load what it holds, or this exporter's part of it.

    `observe_commit` gets the duration of each commit in seconds, `clock` tells unix seconds. It is divided into so many
    `shards`, and shared with all who open it like this; one shard is one exporter's. Raises `LedgerError` where the
    database is in use, not reachable, foreign, newer or damaged; it is left as it was.
    """
    database = open_database(url, shards)
    try:
        return Ledger(database, bounds, observe_commit, clock, Shards(shards))
    except BaseException:
        database.close()
        raise


class Ledger:
    """What is committed, in memory and in the database. One thread writes; any thread may take a `view`.

    In memory is what belongs to the shards that this exporter owns. Whatever asks the database raises `LedgerTaken`
    once the whole of it is somebody else's, or of another version; one that is shared goes on with what is left.
    """

    def __init__(
        self,
        database: Database,
        bounds: Bounds,
        observe_commit: Callable[[float], None],
        clock: Callable[[], float],
        shards: Shards,
    ) -> None:
        self.shards = shards
        self._membership = Membership(shards)
        self._database = FencedDatabase(database, shards, self._lose)
        self._observe_commit = observe_commit
        self._clock = clock
        self._retention = float("inf")
        self._memory = Memory(bounds, shards)
        if shards.number > 1:
            self._look()
        self._take(self._membership.missing)

    def view(self) -> View:
        """Return all that is committed, as of one moment; the same object as long as nothing more is."""
        member = self._membership
        return self._memory.view(member.told if member.lease.is_valid else frozenset(), member.lease)

    @property
    def version(self) -> int:
        """A number that grows with each commit, and when there is more or less to tell."""
        return self._memory.version + self._membership.version

    @property
    def owned(self) -> frozenset[int]:
        """The shards of this exporter: the same object as before where they are the same."""
        return self._membership.owned

    def owns(self, source: str, alert_id: str) -> bool:
        """Whether an alert is of a shard of this exporter."""
        return self.shards.of(source, alert_id) in self._membership.owned

    @property
    def members(self) -> int:
        """How many exporters share the ledger, this one included."""
        return self._membership.members.number

    def has_baseline(self, source: str, shard: int = 0) -> bool:
        """Whether the baseline of a source is complete in a shard."""
        return (source, shard) in self._memory.baselines

    def lacking_baseline(self, source: str) -> frozenset[int]:
        """Return the owned shards in which the baseline of a source is not complete."""
        return frozenset(shard for shard in self.owned if (source, shard) not in self._memory.baselines)

    def last_good_cycle_at(self, source: str, watch: str, shard: int | None = None) -> float | None:
        """Return when every alert of a watch had last been asked as it should, in unix seconds.

        In a shard, or in all that are owned; None where that never was.
        """
        shards, key = self.owned if shard is None else {shard}, watch_key(watch)
        cycles = [self._memory.good_cycles.get((source, key, shard)) for shard in shards]
        known = [at for at in cycles if at is not None]
        return min(known) if known and len(known) == len(cycles) else None

    def get(self, source: str, alert_id: str) -> KnownAlert | None:
        """Return what is known of an alert that does not rest."""
        return self._memory.alerts.get((source, alert_id))

    def uncounted(self, source: str) -> list[KnownAlert]:
        """Return the alerts of a source of which no record was ever read."""
        return [known for known in self.unrested(source) if not known.counted]

    def unrested(self, source: str) -> list[KnownAlert]:
        """Return the alerts of a source that do not rest."""
        return [known for known in self._memory.alerts.values() if known.source == source]

    def last_read_at(self, source: str) -> float | None:
        """Return when any alert of a source was last read, in unix seconds."""
        table = schema.alerts
        # Written so that SQLite goes down the index of those that rest, which were read when they came to, and not
        # through all alerts of the source.
        rested = select(table.c.rested_at).where((table.c.source + "") == source, table.c.rested_at.is_not(None))
        with self._database.begin() as connection:
            newest = connection.execute(rested.order_by(table.c.rested_at.desc()).limit(1)).scalar_one_or_none()
        times = (newest, *(known.read_at for known in self.unrested(source)))
        return max((at for at in times if at is not None), default=None)

    def label_sets(self) -> set[Labels]:
        """Return the label sets of the alerts that do not rest, and of those that any series counts."""
        counted = (labels for labels in map(alert_labels, self._memory.totals) if labels is not None)
        return {*counted, *(known.labels for known in self._memory.alerts.values())}

    def unrevealed(self) -> dict[Series, SeriesTotal]:
        """Return the series whose values do not show yet."""
        return {series: self._memory.totals[series] for series in self._memory.unrevealed}

    def find(self, source: str, alert_ids: Collection[str]) -> dict[str, KnownAlert]:
        """Return what is known of these alerts, the resting ones included; unknown ones are left out."""
        alerts = self._memory.alerts
        found = {i: known for i in alert_ids if (known := alerts.get((source, i))) is not None}
        missing = [i for i in alert_ids if i not in found]
        if not missing:
            return found  # the usual case of a search, which is spared a transaction of the database
        with self._database.begin() as connection:
            for start in range(0, len(missing), _IDS_PER_QUERY):
                chosen = schema.alerts.c.alert_id.in_(missing[start : start + _IDS_PER_QUERY])
                rows = connection.execute(select(*columns.ALERT).where(schema.alerts.c.source == source, chosen))
                found.update((known.alert_id, known) for known in alerts_from(rows))
        return found

    def adopt_retention(self, seconds: float) -> None:
        """Note for how long alerts are remembered from now on, whoever forgets them."""
        self._retention = seconds

    def remembers_from(self, now: float) -> float:
        """Return since when, in unix seconds, every alert that was read is still known at `now`."""
        return now - self._retention

    def forgettable(self, before: float) -> set[Key]:
        """Return the alerts of owned shards that were neither first seen nor read since `before`, in unix seconds."""
        table = schema.alerts
        # What rests was read when it came to: going by that, only what is to be forgotten is looked at.
        idle = (table.c.rested_at < before) & (table.c.first_seen_at < before) & table.c.shard.in_(self.owned)
        with self._database.begin() as connection:
            rows = connection.execute(select(table.c.source, table.c.alert_id).where(idle))
            resting = {(source, alert_id) for source, alert_id in rows}
        return resting | {
            key
            for key, known in self._memory.alerts.items()
            if known.first_seen_at < before and (known.read_at is None or known.read_at < before)
        }

    def adopt_bounds(self, bounds: Bounds) -> None:
        """Count in other buckets from now on: a histogram whose bounds change starts anew, all else stays.

        Raises `CommitFailed` where the database refuses: then the bounds are those before, here and there.
        """
        if bounds == self._memory.bounds:
            return

        def change(connection: Connection) -> Callable[[], None]:
            restarted = restart_changed_histograms(connection, bounds, self.owned)
            return partial(self._memory.merge_bounds, bounds, restarted)

        self._database.commit(change)

    def rebalance(self, told: frozenset[int]) -> None:
        """Share the shards with whoever else there is now; nothing happens where there is only one.

        `told` are the shards that scrapes are told of: one that was given up is handed over once it is not among them.
        `owned` may be another one afterwards. Raises `LedgerError`.
        """
        member = self._membership
        if self.shards.number == 1:
            return
        owned = self.owned
        self._look()
        if self.owned is not owned:
            return  # whoever goes by it is to see what was lost before some of it is taken again
        if surplus := member.give_up():
            self._database.leave(surplus)
            self._memory.unload(surplus)
        elif member.missing:
            self._take(member.missing)
        self._free(member.retiring - told)
        member.tell_more()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction to fill; commit it when the block ends without an error.

        Raises `CommitFailed` where the database refuses, and `ShardsLost` where anything, be it a read in the block,
        finds shards to be somebody else's: then nothing of it happened, here or there.
        """
        self._database.settle()  # or the block would build on what may be out of date
        owned, tx = self.owned, Transaction()
        yield tx
        if self.owned is not owned:
            raise self._database.not_ours()
        if not tx.is_empty():
            self._commit(tx)

    def close(self) -> None:
        """End the use of the database, so that others may take it. Nothing may be told any more when this is called."""
        if self.shards.number > 1:
            self._database.leave(self._membership.leave_all())
            with suppress(LedgerError):  # then others wait until nobody can tell anything of these shards
                self._free(self._membership.retiring)
        self._database.close()

    def _free(self, shards: frozenset[int]) -> None:
        if shards:
            self._database.hand_over(shards, self._membership.untold)
            self._membership.handed_over(shards)

    def _look(self) -> None:
        asked_at = seconds()
        with self._database.begin() as connection:
            members = self._database.members(connection)
        self._membership.look(members, asked_at)

    def _take(self, number: int) -> None:
        """Take up to so many shards that nobody has, and load them."""
        member, bounds = self._membership, self._memory.bounds
        with self._database.take(member.wanted(), number) as (connection, shards, handed_over):
            if not shards:
                return
            restart_changed_histograms(connection, bounds, shards)
            loaded = load(connection, bounds, shards)
        self._memory.load(loaded)
        member.took(shards, handed_over)

    def _lose(self, shards: frozenset[int]) -> None:
        self._membership.lost(shards)
        self._memory.unload(shards)

    def _commit(self, tx: Transaction) -> None:
        started = time.perf_counter()
        now = self._clock()

        def born_at(series: Series) -> float | None:
            # A series of a baseline begins with history: told as born now, its value would count as an increase.
            return now if place_of(series, self.shards) in self._memory.baselines else None

        def change(connection: Connection) -> Callable[[], None]:
            upsert = self._database.upsert
            added, new_ids = write(connection, upsert, tx, self._memory.bounds, self._memory.ids, self.shards, born_at)
            return partial(self._memory.merge, tx, added, new_ids, born_at)

        self._database.commit(change)
        self._observe_commit(time.perf_counter() - started)
