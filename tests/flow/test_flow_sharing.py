"""What alerts have in common is held once: counts, the fields that searches tell, label sets."""

from dataclasses import replace

from exporter.flow.advance import Policy, advance, see
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sharing import shared_alert, shared_labels
from exporter.flow.sightings import Sighting

POLICY = Policy(settle=10.0, max_age=2_592_000.0)
NOW = 1_700_000_100.0
FIRST, SECOND = "170000000000001", "170000000000002"


def seen(alert_id: str, **fields: str) -> Sighting:
    """Return an alert as a page of a search tells it: with texts and a mapping of its own."""
    told = {"alert_name": "disk", "severity": "fatal"} | fields
    return Sighting(alert_id, {name: value.encode().decode() for name, value in told.items()}, updated_at=NOW)


def first_seen(alert_id: str, team: str = "payments") -> KnownAlert:
    """Return an alert that a search found just now."""
    labels = make_labels({"source": "prod", "team": team})
    return shared_alert(KnownAlert("prod", alert_id, labels, first_seen_at=NOW, sighting=seen(alert_id)))


def read(known: KnownAlert, *operates: str) -> KnownAlert:
    """Return what is known after a log with rows of these operates was read."""
    records = tuple(FlowRecord(operate, "SUCCESS", NOW - 50.0) for operate in operates)
    return advance(known, Log(records, {"operate": 1}), now=NOW, policy=POLICY)[0]


def test_alerts_that_are_seen_first_share_labels_and_fields() -> None:
    """Two alerts of one strategy have one label set and one mapping of fields, and are told as they were seen."""
    one, other = first_seen(FIRST), first_seen(SECOND)

    assert one.labels is other.labels
    assert one.sighting is not None
    assert other.sighting is not None
    assert one.sighting.fields is other.sighting.fields
    assert one.sighting == replace(seen(FIRST), updated_at=0.0)
    assert one.labels == make_labels({"source": "prod", "team": "payments"})


def test_label_sets_that_differ_share_what_is_equal() -> None:
    """Of two label sets only the pairs that differ are held twice."""
    one, other = first_seen(FIRST, team="a").labels, first_seen(SECOND, team="b").labels

    assert one[0] is other[0]
    assert (one[1], other[1]) == (("team", "a"), ("team", "b"))


def test_equal_counts_are_held_once() -> None:
    """Two alerts with the same rows have one mapping of counts; a read that shows no more leaves it as it is."""
    one, other = read(first_seen(FIRST), "CREATE", "ACK"), read(first_seen(SECOND), "CREATE", "ACK")

    assert one.counted is other.counted
    assert one.rejected is other.rejected
    assert (one.counted, one.rejected) == ({"CREATE": 1, "ACK": 1}, {"operate": 1})
    assert read(one, "CREATE").counted is one.counted


def test_counts_that_grow_leave_those_of_other_alerts_alone() -> None:
    """What is shared does not change: an alert with more rows has other counts."""
    one, other = read(first_seen(FIRST), "CREATE"), read(first_seen(SECOND), "CREATE")

    more = read(one, "CREATE", "CONVERGE")

    assert (more.counted, one.counted, other.counted) == ({"CREATE": 1, "CONVERGE": 1}, {"CREATE": 1}, {"CREATE": 1})


def test_a_sighting_that_tells_news_shares_its_fields() -> None:
    """Also where an alert is seen again with other fields."""
    one, other = (see(first_seen(alert_id), seen(alert_id, severity="remind"), NOW) for alert_id in (FIRST, SECOND))

    assert one.sighting is not None
    assert other.sighting is not None
    assert one.sighting.fields is other.sighting.fields
    assert one.sighting.fields["severity"] == "remind"


def test_a_sighting_that_was_only_updated_is_no_news() -> None:
    """What is known of the alert stays the very same; any other difference is told."""
    known = first_seen(FIRST)

    assert see(known, replace(seen(FIRST), updated_at=NOW + 60.0), NOW) is known
    for other in (
        replace(seen(FIRST), is_acked=True),
        replace(seen(FIRST), is_shielded=True),
        replace(seen(FIRST), created_at=NOW),
        replace(seen(FIRST), ended_at=NOW),
        seen(FIRST, severity="remind"),
    ):
        assert see(known, other, NOW).sighting == replace(other, updated_at=0.0)


def test_labels_are_shared_by_value() -> None:
    """Whoever asks with an equal label set gets the one that is held."""
    assert shared_labels((("source", "prod"),)) is shared_labels(make_labels({"source": "prod"}))
