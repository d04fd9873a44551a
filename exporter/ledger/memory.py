"""What of the ledger is in memory: of the shards that are owned, all but the alerts that rest."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from exporter.flow.known import KnownAlert
from exporter.flow.observations import Total
from exporter.flow.shards import Shards
from exporter.flow.sharing import shared_alert
from exporter.ledger.changes import Followed
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
        self.unrevealed: set[Series] = set()
        self.baselines: dict[tuple[str, int], float] = {}
        self.good_cycles: dict[tuple[str, str, int], float] = {}
        self._shards = shards
        self._totals: Followed[Series, SeriesTotal] = Followed()
        self._alerts: Followed[Key, KnownAlert] = Followed()
        self._changing = threading.Lock()
        self._view: View | None = None  # the last one
        self._viewed = 0, Lease()

    @property
    def totals(self) -> Mapping[Series, SeriesTotal]:
        """The total of each series."""
        return self._totals.now

    @property
    def alerts(self) -> Mapping[Key, KnownAlert]:
        """What is known of each alert that does not rest."""
        return self._alerts.now

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
                    self._totals.show(),
                    self._alerts.show(),
                    self.baselines,
                    self._shards,
                    told,
                    lease,
                    self.version,
                    self._totals.recent,
                    self._alerts.recent,
                )
            return self._view

    def load(self, loaded: Loaded) -> None:
        """Add what there is of shards that are owned from now on."""
        with self._changing:
            self.version += 1
            self.ids |= loaded.ids
            self._totals.turn_to(self.version, {**self.totals, **loaded.totals})
            self._alerts.turn_to(self.version, {**self.alerts, **loaded.alerts})
            self.unrevealed |= {series for series, total in loaded.totals.items() if not total.revealed}
            self.baselines = self.baselines | loaded.baselines
            self.good_cycles |= loaded.good_cycles

    def unload(self, shards: frozenset[int]) -> None:
        """Forget what there is of shards that are others' from now on."""
        gone = {series for series in self.totals if self._shards.of_labels(series.labels) in shards}
        with self._changing:
            self.version += 1
            totals = {series: total for series, total in self.totals.items() if series not in gone}
            alerts = {key: known for key, known in self.alerts.items() if self._shards.of(*key) not in shards}
            self._totals.turn_to(self.version, totals)
            self._alerts.turn_to(self.version, alerts)
            self.ids = {series: id_ for series, id_ in self.ids.items() if series not in gone}
            self.unrevealed -= gone
            self.baselines = {key: at for key, at in self.baselines.items() if key[1] not in shards}
            self.good_cycles = {key: at for key, at in self.good_cycles.items() if key[2] not in shards}

    def merge(
        self, tx: Transaction, added: Mapping[Series, list[float]], new_ids: Mapping[Series, int], born_at: BornAt
    ) -> None:
        """Take over a transaction that was committed: `added` is what it adds, `new_ids` are those of new series."""
        with self._changing:
            self.version += 1
            self.ids |= new_ids
            self._totals.change(self.version, self._changed_totals(tx, added, born_at))
            rested = [key for key, known in tx.alerts.items() if known.rested_at is not None]
            self._alerts.change(self.version, self._changed_alerts(tx), {*tx.forgotten, *rested})
            self.baselines = self.baselines | tx.baselines
            self.good_cycles |= tx.good_cycles

    def merge_bounds(self, bounds: Bounds, restarted: Collection[Total]) -> None:
        """Count in other buckets from now on: the series of `restarted` are gone."""
        with self._changing:
            self.version += 1
            self.bounds = bounds
            gone = [series for series in self.totals if series.total in restarted]
            self._totals.change(self.version, {}, gone)
            for series in gone:
                del self.ids[series]
            self.unrevealed.difference_update(gone)

    def _changed_totals(
        self, tx: Transaction, added: Mapping[Series, list[float]], born_at: BornAt
    ) -> Mapping[Series, SeriesTotal]:
        changed: dict[Series, SeriesTotal] = {}
        for series, delta in added.items():
            before = self.totals.get(series) or SeriesTotal((0.0,) * len(delta), created_at=born_at(series))
            values = tuple(old + new for old, new in zip(before.values, delta, strict=True))
            changed[series] = replace(before, values=values)
            if not before.revealed:
                self.unrevealed.add(series)
        for series, new in exemplars(tx.observations, self.bounds).items():
            changed[series] = with_exemplars(changed[series], new)
        for series, at in tx.served.items():
            changed[series] = replace(changed.get(series) or self.totals[series], served_at=at)
        for series in tx.revealed:
            changed[series] = replace(changed.get(series) or self.totals[series], revealed=True)
            self.unrevealed.discard(series)
        return changed

    def _changed_alerts(self, tx: Transaction) -> Mapping[Key, KnownAlert]:
        return {key: known if key in self.alerts else shared_alert(known) for key, known in tx.alerts.items()}
