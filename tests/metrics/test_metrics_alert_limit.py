"""The limit of series for single alerts: who keeps them, and how those without are counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.flow.known import KnownAlert, Milestone
from exporter.metrics import Form, Format, Moment, OwnMetrics, Publisher
from exporter.metrics.alert_series import ALERT_INFO, ANOMALY_COUNT, UNACKED_SINCE
from tests.e2e.harness import wait_until
from tests.metrics.moments import make_alert, make_moment, take

OLD, MIDDLE, YOUNG = (
    make_alert(name, anomaly_count=1, created_at=at) for name, at in (("b", 1.0), ("c", 2.0), ("a", 3.0))
)


def moment(*alerts: KnownAlert, most: int = 2) -> Moment:
    """Return a moment with these open alerts and a limit."""
    return replace(make_moment({}, alerts={known.key: known for known in alerts}), alert_series=most)


def drops(own: OwnMetrics) -> dict[str, float]:
    """Return the counter of dropped series by metric."""
    samples = (sample for family in own.collect() for sample in family.samples)
    name = "bkmonitor_flow_exporter_series_dropped_total"
    return {sample.labels["metric"]: sample.value for sample in samples if sample.name == name}


def shown(at: Moment) -> dict[str, list[str]]:
    """Return the alerts that have a series, by metric."""
    body = take(at, CollectorRegistry()).body(Form(Format.TEXT)).decode()
    found: dict[str, list[str]] = {}
    for sample in (sample for family in text_families(body) for sample in family.samples):
        if "alert_id" in sample.labels:
            found.setdefault(sample.name, []).append(sample.labels["alert_id"])
    return found


def _is_published(publisher: Publisher, at: Moment) -> bool:
    return publisher.current.moment is at


def counted(moments: Iterable[Moment]) -> Counter[str]:
    """Return how many alerts were counted as dropped when these moments were published one after the other."""
    dropped: Counter[str] = Counter()
    first, *others = moments
    publisher = Publisher(first, CollectorRegistry(), lambda: 0.0, lambda name, n: dropped.update({name: n}))
    publisher.start()
    for at in others:
        publisher.publish(at)
        wait_until(partial(_is_published, publisher, at), within=20)
    publisher.stop()
    return dropped


def test_the_oldest_alerts_keep_their_series() -> None:
    """In each metric by itself; an acknowledged alert takes no place where only the others stand."""
    acked = make_alert("d", anomaly_count=1, created_at=0.5, ack=Milestone(5.0, observed=True))

    assert {name: sorted(ids) for name, ids in shown(moment(YOUNG, MIDDLE, OLD, acked)).items()} == {
        ANOMALY_COUNT: ["b", "d"],
        UNACKED_SINCE: ["b", "c"],
        ALERT_INFO: ["b", "d"],
    }


def test_an_alert_of_unknown_creation_is_as_old_as_its_first_sight() -> None:
    """It has no place of its own in the order, and is not lost for that."""
    unknown = make_alert("d", anomaly_count=1, created_at=None, first_seen_at=1.5)

    assert sorted(shown(moment(YOUNG, MIDDLE, OLD, unknown))[ALERT_INFO]) == ["b", "d"]


def test_up_to_the_limit_nothing_is_dropped() -> None:
    """As many alerts as the limit allows all have their series."""
    at = moment(YOUNG, MIDDLE, OLD, most=3)

    assert {name: len(ids) for name, ids in shown(at).items()} == {ANOMALY_COUNT: 3, UNACKED_SINCE: 3, ALERT_INFO: 3}
    assert counted([at]) == {}


def test_an_alert_counts_as_dropped_once_in_each_metric() -> None:
    """However often it is rendered, and though it had its series for a while; another alert is another one."""
    other = make_alert("e", anomaly_count=1, created_at=4.0)
    crowded = [moment(OLD, MIDDLE, YOUNG) for _ in range(3)]

    assert counted([*crowded, moment(OLD, YOUNG), moment(OLD, MIDDLE, YOUNG, other)]) == {
        ANOMALY_COUNT: 2,
        UNACKED_SINCE: 2,
        ALERT_INFO: 2,
    }


def test_the_counter_starts_at_zero_for_each_metric_that_can_lose_series() -> None:
    """So that `increase()` sees the first loss."""
    own = OwnMetrics("1.2.3")
    before = drops(own)
    own.series_dropped(ALERT_INFO, 3)

    assert before == {ANOMALY_COUNT: 0, UNACKED_SINCE: 0, ALERT_INFO: 0, "label_sets": 0}
    assert drops(own) == before | {ALERT_INFO: 3}
