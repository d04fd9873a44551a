"""What of the ledger is in memory: of the shards that are owned, all but the alerts that rest."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.flow.shards import Shards
from exporter.flow.sharing import shared_alert
from exporter.ledger.changes import Recent
from exporter.ledger.lease import Lease
from exporter.ledger.loading import Loaded
from exporter.ledger.totals import Bounds, Series, SeriesTotal, View, exemplars, with_exemplars
from exporter.ledger.transaction import Key, Transaction

BornAt = Callable[[Series], float | None]


class Memory:
    """Follows what was committed. One thread changes it; any thread may take a `view`, which stays as it was.

    `version` grows with each change. `ids` are those of the series.
    """

    def __init__(self, bounds: Bounds, shards: Shards) -> None:
        self.bounds = bounds
        self.version = 0
        self.ids: dict[Series, int] = {}
        self.totals: dict[Series, SeriesTotal] = {}
        self.unrevealed: set[Series] = set()
        self.alerts: dict[Key, KnownAlert] = {}
        self.baselines: dict[tuple[str, int], float] = {}
        self.good_cycles: dict[tuple[str, str, int], float] = {}
        self._shards = shards
        self._recent_totals: Recent[Series] = Recent()
        self._recent_alerts: Recent[Key] = Recent()
        self._changing = threading.Lock()
        self._view: View | None = None  # the last one; what it shows is copied before it changes
        self._viewed = 0, Lease()

    def view(self, told: frozenset[int], lease: Lease) -> View:
        """Return all that there is, as of one moment, to be told as far as it is of the shards `told`, under a lease.

        The same object as before where nothing is otherwise.
        """
        with self._changing:
            viewed = self.version, lease
            if self._view is None or self._viewed != viewed or self._view.told != told:
                self._viewed = viewed
                self._view = View(
                    self.bounds,
                    self.totals,
                    self.alerts,
                    self.baselines,
                    self._shards,
                    told,
                    lease,
                    self.version,
                    self._recent_totals,
                    self._recent_alerts,
                )
            return self._view

    def load(self, loaded: Loaded) -> None:
        """Add what there is of shards that are owned from now on."""
        with self._changing:
            self._leave_totals()
            self._leave_alerts()
            self.ids |= loaded.ids
            self.totals |= loaded.totals
            self.unrevealed |= {series for series, total in loaded.totals.items() if not total.revealed}
            self.alerts |= loaded.alerts
            self.baselines = self.baselines | loaded.baselines
            self.good_cycles |= loaded.good_cycles
            self._all_changed()

    def unload(self, shards: frozenset[int]) -> None:
        """Forget what there is of shards that are others' from now on."""
        gone = {series for series in self.totals if self._shards.of_labels(series.labels) in shards}
        with self._changing:
            self.totals = {series: total for series, total in self.totals.items() if series not in gone}
            self.ids = {series: id_ for series, id_ in self.ids.items() if series not in gone}
            self.unrevealed -= gone
            self.alerts = {key: known for key, known in self.alerts.items() if self._shards.of(*key) not in shards}
            self.baselines = {key: at for key, at in self.baselines.items() if key[1] not in shards}
            self.good_cycles = {key: at for key, at in self.good_cycles.items() if key[2] not in shards}
            self._all_changed()

    def merge(
        self, tx: Transaction, added: Mapping[Series, list[float]], new_ids: Mapping[Series, int], born_at: BornAt
    ) -> None:
        """Take over a transaction that was committed: `added` is what it adds, `new_ids` are those of new series."""
        with self._changing:
            self.ids |= new_ids
            if added or tx.served or tx.revealed:
                self._leave_totals()
                self._merge_totals(tx, added, born_at)
            if tx.alerts or tx.forgotten:
                self._leave_alerts()
                self._merge_alerts(tx)
            self.baselines = self.baselines | tx.baselines
            self.good_cycles |= tx.good_cycles
            self.version += 1
            self._recent_totals.note((*added, *tx.served, *tx.revealed), self.version)
            self._recent_alerts.note((*tx.alerts, *tx.forgotten), self.version)

    def merge_bounds(self, bounds: Bounds, restarted: Collection[Total]) -> None:
        """Count in other buckets from now on: the series of `restarted` are gone."""
        with self._changing:
            self._leave_totals()
            self.bounds = bounds
            for series in [series for series in self.totals if series.total in restarted]:
                del self.totals[series], self.ids[series]
                self.unrevealed.discard(series)
            self._all_changed()

    def _all_changed(self) -> None:
        self.version += 1
        self._recent_totals.note_all(self.version)
        self._recent_alerts.note_all(self.version)

    def _leave_totals(self) -> None:
        """Go on with a copy of the totals where a view shows them, for they are about to change."""
        if self._view is not None and self._view.totals is self.totals:
            self.totals = dict(self.totals)

    def _leave_alerts(self) -> None:
        if self._view is not None and self._view.alerts is self.alerts:
            self.alerts = dict(self.alerts)

    def _merge_totals(self, tx: Transaction, added: Mapping[Series, list[float]], born_at: BornAt) -> None:
        for series, delta in added.items():
            before = self.totals.get(series) or SeriesTotal((0.0,) * len(delta), created_at=born_at(series))
            values = tuple(old + new for old, new in zip(before.values, delta, strict=True))
            self.totals[series] = replace(before, values=values)
            if not before.revealed:
                self.unrevealed.add(series)
        for series, new in exemplars(tx.observations, self.bounds).items():
            self.totals[series] = with_exemplars(self.totals[series], new)
        for series, at in tx.served.items():
            self.totals[series] = replace(self.totals[series], served_at=at)
        for series in tx.revealed:
            self.totals[series] = replace(self.totals[series], revealed=True)
            self.unrevealed.discard(series)

    def _merge_alerts(self, tx: Transaction) -> None:
        for key, known in tx.alerts.items():
            self.alerts[key] = known if key in self.alerts else shared_alert(known)
        for key in [*tx.forgotten, *(key for key, known in tx.alerts.items() if known.rested_at is not None)]:
            self.alerts.pop(key, None)
