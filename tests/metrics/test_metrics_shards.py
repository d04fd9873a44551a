"""What a member of several tells: the shards that it may tell, as long as it can be certain that they are its own."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Total
from exporter.flow.shards import Shards
from exporter.ledger import Series, SeriesTotal
from exporter.ledger.lease import Lease
from exporter.metrics import Form, Format, LeaseEnded, Moment, OwnMetrics, Publisher, Snapshot
from tests.metrics.moments import RECORDS, G, make_alert, make_moment, take

PLAIN = Form(Format.TEXT)
NOTHING = CollectorRegistry()
OPEN = "bkmonitor_flow_anomaly_count"
COUNTED = "bkmonitor_flow_records_total"
REJECTED = "bkmonitor_flow_exporter_records_rejected_total"
ENDED = Lease(until=0.0)


def member(
    told: frozenset[int] = frozenset({0, 1, 2}), lost: frozenset[int] = frozenset(), lease: Lease | None = None
) -> Moment:
    """Return the moment of a member that has the shards 0, 1 and 2 of 4, with an alert and a series each.

    Those in `lost` lack a baseline. Of shard 0, there is a series from when there was only that one.
    """
    labels = [extend(G, shard=str(shard)) for shard in range(3)]
    alerts = [make_alert(str(100 + shard), of, anomaly_count=shard) for shard, of in enumerate(labels)]
    totals = {RECORDS._replace(labels=extend(RECORDS.labels, shard=str(n))): SeriesTotal((n + 1.0,)) for n in range(3)}
    rejected = make_labels({"source": "prod", "reason": "odd", "shard": "2"})
    moment = make_moment(
        {**totals, RECORDS: SeriesTotal((9.0,)), Series(Total.RECORDS_REJECTED, rejected): SeriesTotal((5.0,))},
        alerts={known.key: known for known in alerts},
        baselines={("prod", shard): 1.0 for shard in range(3) if shard not in lost},
        birth_hold=0.0,
    )
    view = replace(moment.view, shards=Shards(4), told=told, lease=lease or Lease())
    return replace(moment, view=view, owned=frozenset({0, 1, 2}), members=2)


def values(snapshot: Snapshot, name: str) -> list[str]:
    """Return the values of a metric that are not 0, sorted."""
    lines = snapshot.body(PLAIN).decode().splitlines()
    found = [line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"{name}{{")]
    return sorted(value for value in found if float(value))


def test_a_shard_that_may_not_be_told_yet_is_counted_and_not_served() -> None:
    """Neither its series nor its alerts, nor what was rejected of it; the others are, the series without label too."""
    everything, some = take(member(), NOTHING), take(member(told=frozenset({0, 1})), NOTHING)

    assert values(everything, COUNTED) == ["1.0", "2.0", "3.0", "9.0"]
    assert values(some, COUNTED) == ["1.0", "2.0", "9.0"]
    assert (values(everything, OPEN), values(some, OPEN)) == (["1.0", "2.0"], ["1.0"])
    assert (values(everything, REJECTED), values(some, REJECTED)) == (["5.0"], [])


def test_series_from_before_there_were_shards_belong_to_the_first_one() -> None:
    """Who does not have it does not tell them, so that one member does."""
    assert values(take(member(told=frozenset({1, 2})), NOTHING), COUNTED) == ["2.0", "3.0"]


def test_a_baseline_is_complete_shard_by_shard() -> None:
    """A shard whose baseline is being read shows nothing, the ones beside it everything."""
    snapshot = take(member(lost=frozenset({1})), NOTHING)

    assert values(snapshot, COUNTED) == ["1.0", "3.0", "9.0"]
    assert values(snapshot, OPEN) == ["2.0"]


def test_known_reasons_of_rejection_start_at_zero_in_each_shard() -> None:
    """With the label that tells it; without one where there is one shard."""
    lines = take(member(told=frozenset({1, 2})), NOTHING).body(PLAIN).decode().splitlines()
    alone = take(make_moment(), NOTHING).body(PLAIN).decode().splitlines()

    for shard in ("1", "2"):
        assert f'{REJECTED}{{reason="operate",shard="{shard}",source="prod"}} 0.0' in lines
    assert not [line for line in lines if line.startswith(REJECTED) and 'shard="0"' in line]
    assert f'{REJECTED}{{reason="create_time",source="prod"}} 0.0' in alone


@pytest.mark.parametrize("names", [(), ("bkmonitor_flow_exporter_source_up",)])
def test_without_a_lease_no_scrape_gets_a_shard(names: tuple[str, ...]) -> None:
    """Whatever is asked for: a process that was stopped does not know what became of its shards. No series is born."""
    lease = Lease()
    moment = member(lease=lease)
    unborn = replace(moment, birth_hold=60.0)
    publisher = Publisher(unborn, NOTHING, lambda: 42.0)
    publisher.scrape(PLAIN)
    assert len(list(publisher.take_served())) == 1

    lease.end()

    with pytest.raises(LeaseEnded, match="another exporter may have these shards"):
        publisher.scrape(PLAIN, names)
    with pytest.raises(LeaseEnded):
        publisher.current.answer(PLAIN, names)
    assert list(publisher.take_served()) == []


def test_a_lease_that_ends_while_a_body_is_made_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at last, for what was made before may be old when it leaves."""
    lease = Lease()
    snapshot = take(member(lease=lease), NOTHING)
    body = Snapshot.body

    def slow(self: Snapshot, form: Form, names: tuple[str, ...] = ()) -> bytes:
        lease.end()
        return body(self, form, names)

    monkeypatch.setattr(Snapshot, "body", slow)

    with pytest.raises(LeaseEnded):
        snapshot.answer(PLAIN)


def test_who_knows_that_the_lease_is_over_tells_of_itself() -> None:
    """No shard is told, so nothing of alerts; the exporter's own metrics are, as an answer like any other."""
    own = OwnMetrics("1.2.3")
    own.membership(shards_owned=3, members=2)
    publisher = Publisher(member(told=frozenset(), lease=ENDED), own, lambda: 42.0)

    lines = publisher.scrape(PLAIN).decode().splitlines()

    assert [line for line in lines if line.startswith((COUNTED, OPEN, REJECTED, "bkmonitor_flow_open"))] == []
    assert 'bkmonitor_flow_exporter_source_up{source="prod"} 1.0' in lines
    assert "bkmonitor_flow_exporter_shards_owned 3.0" in lines
    assert "bkmonitor_flow_exporter_members 2.0" in lines


def test_who_has_no_shard_needs_no_lease() -> None:
    """A member more than there are shards: there is nothing of which another one could tell."""
    idle = replace(member(told=frozenset(), lease=ENDED), owned=frozenset())

    assert idle.is_certain
    assert b"bkmonitor_flow_exporter_source_up" in take(idle, NOTHING).answer(PLAIN)
    assert not member(lease=ENDED).is_certain


def test_an_exporter_alone_is_one_member_with_one_shard() -> None:
    """Both are told without anybody saying so."""
    lines = take(make_moment(), OwnMetrics("1.2.3")).body(PLAIN).decode().splitlines()

    assert "bkmonitor_flow_exporter_shards_owned 1.0" in lines
    assert "bkmonitor_flow_exporter_members 1.0" in lines
