"""What the gauges of open alerts tell, all together and one by one."""

from collections import Counter

from exporter.flow.labels import Labels, extend, make_labels
from exporter.flow.observations import Total
from exporter.ledger import alert_labels
from exporter.metrics.alert_series import ALERT_INFO, ANOMALY_COUNT, UNACKED_SINCE, created_at, kept, unacked
from exporter.metrics.family import Gauges
from exporter.metrics.moment import Moment


def anomaly_counts(moment: Moment) -> Gauges:
    """Yield the anomaly points of each open alert that tells them, as far as the limit goes."""
    for known in kept(ANOMALY_COUNT, moment):
        if known.anomaly_count is not None:
            yield extend(known.labels, alert_id=known.alert_id), known.anomaly_count


def open_alerts(moment: Moment) -> Gauges:
    """Yield the number of open alerts by acknowledgement and shield; label sets whose alerts all ended stay, at 0.

    Whether an alert is shielded only a search tells: one that is watched by its id alone counts as not shielded.
    """
    past = filter(None, (alert_labels(series) for series, _ in moment.shown(Total.ALERTS_ENDED)))
    count: Counter[Labels] = Counter()
    for labels in dict.fromkeys([*past, *(known.labels for known in moment.read_alerts())]):
        count.update({open_labels(labels, acked, shielded): 0 for acked in (False, True) for shielded in (False, True)})
    for known in moment.open_alerts():
        count[open_labels(known.labels, known.is_acked, known.is_shielded)] += 1
    return count.items()


def open_labels(labels: Labels, acked: bool, shielded: bool) -> Labels:
    """Return the labels under which an open alert counts; `labels` are its own."""
    return extend(labels, acked=str(acked).lower(), shielded=str(shielded).lower())


def ack_targets(moment: Moment) -> Gauges:
    """Yield the configured targets under the labels that they match."""
    return [(make_labels(target.match), target.within) for target in moment.targets]


def unacked_since(moment: Moment) -> Gauges:
    """Yield the creation of each open alert that nobody acknowledged, as far as it is known and the limit goes;
    shielded ones wait for nobody.
    """
    for known in kept(UNACKED_SINCE, moment):
        yield extend(known.labels, alert_id=known.alert_id), created_at(known)


def oldest_unacked(moment: Moment) -> Gauges:
    """Yield the creation of the oldest such alert of each label set that has one; no limit hides it."""
    oldest: dict[Labels, float] = {}
    for known in unacked(moment):
        oldest[known.labels] = min(created_at(known), oldest.get(known.labels, created_at(known)))
    return oldest.items()


def alert_infos(moment: Moment) -> Gauges:
    """Yield 1 for each open alert, with what a search tells of its name and strategy, as far as the limit goes."""
    for known in kept(ALERT_INFO, moment):
        fields = {} if known.sighting is None else known.sighting.fields
        names = {name: fields.get(name, "") for name in ("alert_name", "strategy_id", "strategy_name")}
        yield extend(known.labels, alert_id=known.alert_id, **names), 1
