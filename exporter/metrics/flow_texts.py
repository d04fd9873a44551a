"""The texts of the families that grow with the alerts: from one moment to the next, only what changed is written."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import compress
from operator import is_not

from exporter.flow.observations import Total
from exporter.ledger import Series, SeriesTotal, View, alert_labels
from exporter.ledger.totals import Values
from exporter.metrics.alert_series import AlertGauge
from exporter.metrics.alert_texts import AlertTexts, Changes, OpenTexts
from exporter.metrics.families import FLOW_FAMILIES, family_of
from exporter.metrics.family import Counter, Family, Histogram
from exporter.metrics.moment import Moment
from exporter.metrics.open_alerts import OpenGauge
from exporter.metrics.quota import Quota
from exporter.metrics.source_gauges import RejectedRecords
from exporter.metrics.texts import FamilyText
from exporter.metrics.total_texts import TotalTexts


class FlowTexts:
    """The texts of those families as of one moment; `make_quota` gets a family and its limit.

    What did not change is told by identity: a view holds the same `KnownAlert` and the same `SeriesTotal` as the one
    before where nothing changed.
    """

    def __init__(self, moment: Moment, make_quota: Callable[[Family, int], Quota]) -> None:
        self._terms = _terms(moment)
        self._moment = replace(moment, view=View(moment.view.bounds, {}, {}, {}))
        self._totals = {
            told.total: TotalTexts(family, told, created_series=moment.created_series)
            for family in FLOW_FAMILIES
            if isinstance(told := family.told, Counter | Histogram)
        }
        self._rejected = _rejected_texts(moment)
        single = [(family, told) for family in FLOW_FAMILIES if isinstance(told := family.told, AlertGauge)]
        self._alerts = AlertTexts(single, lambda family: make_quota(family, moment.alert_series))
        by_label_set = [(family, told) for family in FLOW_FAMILIES if isinstance(told := family.told, OpenGauge)]
        self._open = OpenTexts(by_label_set)
        self._newborn: dict[Series, None] = {}
        self._written: Mapping[str, FamilyText] = {}

    @property
    def newborn(self) -> tuple[Series, ...]:
        """The series that are served as 0 for the first time."""
        return tuple(self._newborn)

    def can_go_on_to(self, moment: Moment) -> bool:
        """Whether what is written still holds: under other terms all of it is written anew."""
        return _terms(moment) == self._terms and len(moment.view.totals) >= len(self._moment.view.totals)

    def go_on_to(self, moment: Moment) -> Mapping[str, FamilyText]:
        """Return the texts at `moment` by the names of their families."""
        before, self._moment = self._moment, moment
        are_totals_same = before.view.totals is moment.view.totals
        changes = _changes(before, moment)
        if self._written and are_totals_same and not changes.keys:
            return self._written
        if not are_totals_same:
            self._take_totals(before.view, moment)
        self._alerts.change(changes, moment)
        self._open.change(changes)
        texts = [
            *((totals.name, totals.shown()) for totals in (*self._totals.values(), self._rejected)),
            *self._alerts.shown(),
            *self._open.shown(),
        ]
        self._written = dict(texts)
        return self._written

    def _take_totals(self, before: View, moment: Moment) -> None:
        for series in moment.view.changed_totals(before):
            committed = moment.view.totals.get(series)
            if committed is None or committed is before.totals.get(series):
                continue
            if series.total is Total.RECORDS_REJECTED:
                if moment.is_told(series.labels):
                    self._put_rejected(series, committed.values, moment)
            elif moment.is_shown(series.labels):
                self._put(series, committed, moment)

    def _put(self, series: Series, committed: SeriesTotal, moment: Moment) -> None:
        if moment.is_newborn(committed):
            self._newborn[series] = None
        else:
            self._newborn.pop(series, None)
        if series.total is Total.ALERTS_ENDED and (labels := alert_labels(series)) is not None:
            self._open.ended(labels)
        self._totals[series.total].put(series, moment.served(committed), moment)

    def _put_rejected(self, series: Series, values: Values, moment: Moment) -> None:
        self._rejected.put(series, SeriesTotal(values), moment)  # told from the first on, without birth or baseline


def _rejected_texts(moment: Moment) -> TotalTexts:
    told = RejectedRecords()
    texts = TotalTexts(family_of(told.total), Counter(told.total), created_series=False)
    for series in told.known(moment):
        texts.put(series, SeriesTotal((0.0,)), moment)
    return texts


def _terms(moment: Moment) -> object:
    """Return what all texts depend on, whatever the alerts and totals are."""
    return (
        tuple(source.name for source in moment.sources),
        moment.view.shards,
        moment.view.told,
        moment.shown_shards,
        dict(moment.view.bounds),
        moment.birth_hold == 0,
        moment.alert_series,
        moment.created_series,
    )


def _changes(before: Moment, moment: Moment) -> Changes:
    """Return the alerts that are shown otherwise than before."""
    old, new = before.view.alerts, moment.view.alerts
    if not old:  # a start: nothing was shown before
        shown = list(moment.read_among(new))
        return Changes(list(compress(new, shown)), list(filter(None, shown)), ())
    keys = dict.fromkeys(moment.view.changed_alerts(before.view))
    if before.watched is not moment.watched:
        keys |= dict.fromkeys(before.watched ^ moment.watched)
    was, now = list(before.read_among(keys)), list(moment.read_among(keys))
    is_other = list(map(is_not, was, now))
    gone = filter(None, compress(was, is_other))
    return Changes(list(compress(keys, is_other)), list(compress(now, is_other)), list(gone))
