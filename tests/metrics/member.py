"""A member of a ledger, at random: the moments that it publishes one after the other."""

import random
from dataclasses import dataclass, field, replace

from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import Labels, extend, make_labels
from exporter.flow.observations import Total
from exporter.flow.shards import ONE_SHARD, Shards
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Exemplar, Series, SeriesTotal
from exporter.ledger.changes import Recent
from exporter.metrics import Moment
from tests.metrics.moments import ACK_TIMES, RECORDS, G, make_alert, make_moment, make_state

LABELS = (G, extend(G, team="a"), extend(G, team="b"))
ENDS = [Series(Total.ALERTS_ENDED, extend(labels, outcome="closed", acked="true")) for labels in LABELS]
REJECTED = [
    Series(Total.RECORDS_REJECTED, make_labels({"source": "prod", "reason": reason})) for reason in ("odd", "operate")
]
SERIES = [RECORDS, ACK_TIMES, *ENDS, *REJECTED]
IDS = [f"170000000{number}" for number in range(8)]


def labelled(series: Series, **labels: str) -> Series:
    """Return a series with more labels."""
    return series._replace(labels=extend(series.labels, **labels))


@dataclass
class Member:
    """Has some of the shards, and now and then others. What all members counted and know goes on meanwhile.

    With several shards there are series from when they were divided otherwise, which nothing adds to.
    """

    pick: random.Random
    shards: Shards
    moment: Moment
    totals: dict[Series, SeriesTotal] = field(default_factory=dict)
    alerts: dict[tuple[str, str], KnownAlert] = field(default_factory=dict)
    version: int = 0
    recent_totals: Recent[Series] = field(default_factory=Recent)
    recent_alerts: Recent[tuple[str, str]] = field(default_factory=Recent)

    def step(self) -> Moment:
        """Return the next moment, as like or unlike the one before as one may be to the next."""
        if self._happens(0.8):
            self.version += 1
            self._count()
            self._go_on()
            self._look()
        self.moment = replace(self.moment, at=self.moment.at + 1)
        if self._happens(0.3):
            self.rebalance()
        if self._happens(0.5):
            watched = frozenset(("prod", alert_id) for alert_id in IDS if self._happens(0.9))
            self.moment = replace(self.moment, watched=watched)
        self._configure()
        return self.moment

    def _happens(self, share: float) -> bool:
        return self.pick.random() < share

    def _count(self) -> None:
        """Let totals move, in all shards."""
        for series in self._series():
            if self._happens(0.3):
                self.totals[series] = self._total(series)
                self.recent_totals.note([series], self.version)

    def _series(self) -> list[Series]:
        if self.shards == ONE_SHARD:
            return SERIES
        now = [labelled(series, shard=str(shard)) for series in SERIES for shard in range(self.shards.number)]
        return [*now, *SERIES, *(labelled(series, shard="7") for series in SERIES)]

    def _total(self, series: Series) -> SeriesTotal:
        """Return a total in any state, with an exemplar where its histogram has them."""
        if series.total is not Total.TIME_TO_ACK:
            return SeriesTotal((float(self.pick.randrange(9)),), self.pick.choice([None, 1.0]), self._happens(0.7), 5.0)
        exemplars = {0: Exemplar("17", 4.5, 6.25)} if self._happens(0.5) else {}
        values = (1.0, float(self.pick.randrange(5)), 2.0, 12.5)
        return SeriesTotal(values, None, self._happens(0.7), self.pick.choice([None, 9.0]), exemplars)

    def _go_on(self) -> None:
        """Let alerts come, change, and be forgotten, in all shards; most stay what they were."""
        for _ in range(self.pick.randrange(6)):
            known = self._alert(self.pick.choice(IDS))
            self.alerts[known.key] = known
            self.recent_alerts.note([known.key], self.version)
        for key in [key for key in self.alerts if self._happens(0.1)]:
            del self.alerts[key]
            self.recent_alerts.note([key], self.version)

    def _alert(self, alert_id: str) -> KnownAlert:
        """Return an alert in any state."""
        sighting = Sighting(alert_id, {"alert_name": "disk"}, self._happens(0.3), self._happens(0.3))
        return make_alert(
            alert_id,
            labels=self._labels(alert_id),
            read_at=self.pick.choice([None, 2.0, 2.0, 2.0]),
            created_at=self.pick.choice([None, 1.0, 3.0, 3.0, 7.5]),
            ack=self.pick.choice([Milestone(), Milestone(), Milestone(5.0, observed=True)]),
            outcome=self.pick.choice([None, None, None, Outcome.CLOSED]),
            anomaly_count=self.pick.choice([None, 0, 3, 1_000_000]),
            sighting=self.pick.choice([None, sighting]),
        )

    def _labels(self, alert_id: str) -> Labels:
        return self.shards.labelled(self.pick.choice(LABELS), self.shards.of("prod", alert_id))

    def rebalance(self) -> None:
        """Have other shards than before, of which some may not be told yet; the only one stays."""
        number = self.shards.number
        if number == 1:
            return
        owned = frozenset(self.pick.sample(range(number), self.pick.randint(0, number)))
        told = frozenset(shard for shard in owned if self._happens(0.8))
        self.moment = replace(self.moment, owned=owned, view=replace(self.moment.view, told=told))
        self.version += 1
        self.recent_totals.note_all(self.version)
        self.recent_alerts.note_all(self.version)
        self._look()

    def _look(self) -> None:
        """Have in view what all have counted by now in the shards of this member."""
        of, owned = self.shards.of_labels, self.moment.owned
        totals = {series: total for series, total in self.totals.items() if of(series.labels) in owned}
        alerts = {key: known for key, known in self.alerts.items() if of(known.labels) in owned}
        view = replace(self.moment.view, totals=totals, alerts=alerts, version=self.version)
        view = replace(view, recent_totals=self.recent_totals, recent_alerts=self.recent_alerts)
        self.moment = replace(self.moment, view=view)

    def _configure(self) -> None:
        """Now and then let the config be another, or baselines be complete or not."""
        if self._happens(0.1):
            self.moment = replace(self.moment, alert_series=self.pick.choice([1, 3, 100]))
        if self._happens(0.1):
            hold = self.pick.choice([0.0, 60.0])
            self.moment = replace(self.moment, birth_hold=hold, created_series=self._happens(0.5))
        if self._happens(0.2):
            complete = {("prod", shard): 1.0 for shard in range(self.shards.number) if self._happens(0.7)}
            self.moment = replace(self.moment, view=replace(self.moment.view, baselines=complete))
        if self._happens(0.1):
            several = (make_state(up=False), make_state(name="b"))
            self.moment = replace(self.moment, sources=self.pick.choice([(), (make_state(),), several]))


def make_member(pick: random.Random, shards: Shards = ONE_SHARD, *, alert_series: int = 100) -> Member:
    """Return a member of a ledger in which nothing was counted yet."""
    moment = make_moment({}, alerts={}, watched=frozenset())
    baselines = {("prod", shard): 1.0 for shard in range(shards.number)}
    view = replace(moment.view, shards=shards, baselines=baselines)
    member = Member(pick, shards, replace(moment, view=view, alert_series=alert_series))
    member.rebalance()
    return member
