"""The ledger: loads what was committed, commits what changes together, and shows only what is committed."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, select

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.flow.observations import Total
from exporter.flow.sharing import shared_alert
from exporter.ledger import schema
from exporter.ledger.buckets import restart_changed_histograms
from exporter.ledger.database import Database, open_database
from exporter.ledger.fence import FencedDatabase
from exporter.ledger.loading import load_alerts, load_totals
from exporter.ledger.rows import alerts_from, watch_key
from exporter.ledger.totals import (
    Bounds,
    Series,
    SeriesTotal,
    View,
    alert_labels,
    exemplars,
    with_exemplars,
)
from exporter.ledger.transaction import Key, Transaction, write

_IDS_PER_QUERY = 500


def open_ledger(
    url: str,
    bounds: Bounds,
    observe_commit: Callable[[float], None] = lambda _seconds: None,
    clock: Callable[[], float] = time.time,
) -> "Ledger":
    """Open the ledger at `url`, made where there is none, and load what it holds.

    `observe_commit` gets the duration of each commit in seconds, `clock` tells unix seconds. Raises `LedgerError`
    where the database is in use, not reachable, foreign, newer or damaged; it is left as it was.
    """
    database = open_database(url)
    try:
        return Ledger(database, bounds, observe_commit, clock)
    except BaseException:
        database.close()
        raise


class Ledger:
    """What is committed, in memory and in the database. One thread writes; any thread may take a `view`.

    Whatever asks the database raises `LedgerTaken` once another exporter worked on it.
    """

    def __init__(
        self,
        database: Database,
        bounds: Bounds,
        observe_commit: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._database = FencedDatabase(database)
        self._observe_commit = observe_commit
        self._clock = clock
        self._bounds = bounds
        self._version = 0
        self._retention = float("inf")
        self._merging = threading.Lock()
        self._view: View | None = None  # the last one; what it shows is copied before it changes
        self._viewed_version = 0
        with self._database.claim() as connection:
            restart_changed_histograms(connection, bounds)
            self._ids, self._totals = load_totals(connection, bounds)
            self._unrevealed = {series for series, total in self._totals.items() if not total.revealed}
            self._alerts = load_alerts(connection)
            self._baselines = {row.name: row.baseline_at for row in connection.execute(select(schema.sources))}
            self._good_cycles = {
                (row.source, row.watch): row.last_good_cycle_at for row in connection.execute(select(schema.watches))
            }

    def view(self) -> View:
        """Return all that is committed, as of one moment; the same object as long as nothing more is."""
        with self._merging:
            if self._view is None or self._viewed_version != self._version:
                self._viewed_version = self._version
                self._view = View(self._bounds, self._totals, self._alerts, self._baselines)
            return self._view

    @property
    def version(self) -> int:
        """A number that grows with each commit."""
        return self._version

    def has_baseline(self, source: str) -> bool:
        """Whether the baseline of a source is complete."""
        return source in self._baselines

    def last_good_cycle_at(self, source: str, watch: str) -> float | None:
        """Return when every alert of a watch had last been asked as it should, in unix seconds."""
        return self._good_cycles.get((source, watch_key(watch)))

    def get(self, source: str, alert_id: str) -> KnownAlert | None:
        """Return what is known of an alert that does not rest."""
        return self._alerts.get((source, alert_id))

    def uncounted(self, source: str) -> list[KnownAlert]:
        """Return the alerts of a source of which no record was ever read."""
        return [known for known in self.unrested(source) if not known.counted]

    def unrested(self, source: str) -> list[KnownAlert]:
        """Return the alerts of a source that do not rest."""
        return [known for known in self._alerts.values() if known.source == source]

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
        counted = (labels for labels in map(alert_labels, self._totals) if labels is not None)
        return {*counted, *(known.labels for known in self._alerts.values())}

    def unrevealed(self) -> dict[Series, SeriesTotal]:
        """Return the series whose values do not show yet."""
        return {series: self._totals[series] for series in self._unrevealed}

    def find(self, source: str, alert_ids: Collection[str]) -> dict[str, KnownAlert]:
        """Return what is known of these alerts, the resting ones included; unknown ones are left out."""
        found = {i: known for i in alert_ids if (known := self._alerts.get((source, i))) is not None}
        missing = [i for i in alert_ids if i not in found]
        if not missing:
            return found  # the usual case of a search, which is spared a transaction of the database
        with self._database.begin() as connection:
            for start in range(0, len(missing), _IDS_PER_QUERY):
                chosen = schema.alerts.c.alert_id.in_(missing[start : start + _IDS_PER_QUERY])
                rows = connection.execute(select(schema.alerts).where(schema.alerts.c.source == source, chosen))
                found.update((known.alert_id, known) for known in alerts_from(rows))
        return found

    def adopt_retention(self, seconds: float) -> None:
        """Note for how long alerts are remembered from now on, whoever forgets them."""
        self._retention = seconds

    def remembers_from(self, now: float) -> float:
        """Return since when, in unix seconds, every alert that was read is still known at `now`."""
        return now - self._retention

    def forgettable(self, before: float) -> set[Key]:
        """Return the alerts that were neither first seen nor read since `before`, in unix seconds."""
        table = schema.alerts
        # What rests was read when it came to: going by that, only what is to be forgotten is looked at.
        idle = (table.c.rested_at < before) & (table.c.first_seen_at < before)
        with self._database.begin() as connection:
            rows = connection.execute(select(table.c.source, table.c.alert_id).where(idle))
            resting = {(source, alert_id) for source, alert_id in rows}
        return resting | {
            key
            for key, known in self._alerts.items()
            if known.first_seen_at < before and (known.read_at is None or known.read_at < before)
        }

    def adopt_bounds(self, bounds: Bounds) -> None:
        """Count in other buckets from now on: a histogram whose bounds change starts anew, all else stays.

        Raises `CommitFailed` where the database refuses: then the bounds are those before, here and there.
        """
        if bounds == self._bounds:
            return

        def change(connection: Connection) -> Callable[[], None]:
            return partial(self._merge_bounds, bounds, restart_changed_histograms(connection, bounds))

        self._database.commit(change)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction to fill; commit it when the block ends without an error.

        Raises `CommitFailed` where the database refuses: then nothing of it happened, here or there.
        """
        self._database.settle()  # or the block would build on what may be out of date
        tx = Transaction()
        yield tx
        if not tx.is_empty():
            self._commit(tx)

    def close(self) -> None:
        """End the use of the database, so that another exporter may take it."""
        self._database.close()

    def _commit(self, tx: Transaction) -> None:
        started = time.perf_counter()
        now = self._clock()

        def born_at(series: Series) -> float | None:
            # A series of a baseline begins with history: told as born now, its value would count as an increase.
            return now if dict(series.labels)["source"] in self._baselines else None

        def change(connection: Connection) -> Callable[[], None]:
            added, new_ids = write(connection, self._database.upsert, tx, self._bounds, self._ids, born_at)
            return partial(self._merge, tx, added, new_ids, born_at)

        self._database.commit(change)
        self._observe_commit(time.perf_counter() - started)

    def _merge(
        self,
        tx: Transaction,
        added: dict[Series, list[float]],
        new_ids: dict[Series, int],
        born_at: Callable[[Series], float | None],
    ) -> None:
        with self._merging:
            self._ids |= new_ids
            if added or tx.served or tx.revealed:
                self._leave_totals()
                self._merge_totals(tx, added, born_at)
            if tx.alerts or tx.forgotten:
                self._leave_alerts()
                self._merge_alerts(tx)
            self._baselines = self._baselines | tx.baselines
            self._good_cycles |= tx.good_cycles
            self._version += 1

    def _merge_bounds(self, bounds: Bounds, restarted: Collection[Total]) -> None:
        with self._merging:
            self._leave_totals()
            self._bounds = bounds
            for series in [series for series in self._totals if series.total in restarted]:
                del self._totals[series], self._ids[series]
                self._unrevealed.discard(series)
            self._version += 1

    def _leave_totals(self) -> None:
        """Go on with a copy of the totals where a view shows them, for they are about to change."""
        if self._view is not None and self._view.totals is self._totals:
            self._totals = dict(self._totals)

    def _leave_alerts(self) -> None:
        if self._view is not None and self._view.alerts is self._alerts:
            self._alerts = dict(self._alerts)

    def _merge_totals(
        self, tx: Transaction, added: dict[Series, list[float]], born_at: Callable[[Series], float | None]
    ) -> None:
        for series, delta in added.items():
            before = self._totals.get(series) or SeriesTotal((0.0,) * len(delta), created_at=born_at(series))
            values = tuple(old + new for old, new in zip(before.values, delta, strict=True))
            self._totals[series] = replace(before, values=values)
            if not before.revealed:
                self._unrevealed.add(series)
        for series, new in exemplars(tx.observations, self._bounds).items():
            self._totals[series] = with_exemplars(self._totals[series], new)
        for series, at in tx.served.items():
            self._totals[series] = replace(self._totals[series], served_at=at)
        for series in tx.revealed:
            self._totals[series] = replace(self._totals[series], revealed=True)
            self._unrevealed.discard(series)

    def _merge_alerts(self, tx: Transaction) -> None:
        for key, known in tx.alerts.items():
            self._alerts[key] = known if key in self._alerts else shared_alert(known)
        for key in [*tx.forgotten, *(key for key, known in tx.alerts.items() if known.rested_at is not None)]:
            self._alerts.pop(key, None)
