"""Every text and every time that the ledger is given comes back as it was, whatever the database."""

import random
from contextlib import closing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import EVERYTHING, KnownAlert, Milestone
from exporter.flow.labels import LONGEST_VALUE, Labels, make_labels
from exporter.flow.observations import Count, Latency, Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Series, open_ledger
from exporter.ledger.reading import find_alerts

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.floats(allow_nan=False, allow_infinity=False).map(lambda at: at + 0.0)  # -0.0 is the same time
YES_OR_NO = st.booleans()
NAMED_TEXTS = st.dictionaries(st.sampled_from(["team", "alert_name", "severity"]), TEXTS)
LABELS = NAMED_TEXTS.map(lambda values: make_labels({"source": "prod", **values}))
COUNTS = st.dictionaries(TEXTS, st.integers(1, 2**70))
MILESTONES = st.builds(Milestone, at=st.none() | TIMES, observed=YES_OR_NO)
ALERT_IDS = st.integers(0, 10**17).map(str)


@st.composite
def known_alerts(draw: st.DrawFn, alert_id: str) -> KnownAlert:
    """Draw what may be known of an alert that does not rest, each of its fields."""
    sightings = st.builds(
        Sighting,
        st.just(alert_id),
        NAMED_TEXTS,
        is_acked=YES_OR_NO,
        is_shielded=YES_OR_NO,
        created_at=st.none() | TIMES,
        ended_at=st.none() | TIMES,
        outcome=st.none() | st.sampled_from(Outcome),
    )
    drawn = st.builds(
        KnownAlert,
        st.just("prod"),
        st.just(alert_id),
        LABELS,
        first_seen_at=TIMES,
        counts_from=st.just(EVERYTHING) | TIMES,
        read_at=st.none() | TIMES,
        created_at=st.none() | TIMES,
        creation_recorded=YES_OR_NO,
        counted=COUNTS,
        rejected=COUNTS,
        ack=MILESTONES,
        first_action=MILESTONES,
        end=MILESTONES,
        end_recorded=YES_OR_NO,
        outcome=st.none() | st.sampled_from(Outcome),
        settles_at=st.none() | TIMES,
        anomaly_count=st.none() | st.integers(0, 2**70).map(lambda count: int(float(count))),
        watch=TEXTS.map(lambda told: told.replace("\0", "")),
        sighting=st.none() | sightings,
        ack_sighted_at=st.none() | TIMES,
        quiet_reads=st.integers(0, 2**31 - 1),
        ack_target=st.none() | TIMES,
        deadline_result=st.none() | st.sampled_from(DeadlineResult),
    )
    return draw(drawn)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    alerts=st.lists(ALERT_IDS, unique=True, max_size=3).flatmap(lambda ids: st.tuples(*map(known_alerts, ids))),
    labels=LABELS,
    seconds=st.floats(0, 1e15),  # what examples add up to is no infinity, which PostgreSQL refuses
)
def test_what_is_kept_comes_back(url: str, alerts: tuple[KnownAlert, ...], labels: Labels, seconds: float) -> None:
    """Labels and fields of any characters, times to the last bit, numbers beyond 64 bits, yes and no."""
    with closing(open_ledger(url, BOUNDS)) as ledger:
        with ledger.transaction() as tx:
            tx.forget(set(ledger.view().alerts) - {known.key for known in alerts})  # those of the example before
            for known in alerts:
                tx.put(known)
            tx.add([Count(Total.RECORDS, labels, 1), Latency(Total.TIME_TO_END, labels, seconds)])
        totals = dict(ledger.view().totals)

    for known in alerts:
        assert find_alerts(url, known.alert_id) == {"prod": known}
    with closing(open_ledger(url, BOUNDS)) as ledger:
        assert ledger.view().totals == totals
        loaded = ledger.view().alerts
        assert loaded.keys() == {known.key for known in alerts}
        assert [repr(loaded[known.key]) for known in alerts] == [repr(known) for known in alerts]  # yes is no 1


def test_long_names_have_room(url: str) -> None:
    """As many labels as one likes, of the longest values; watches that name thousands of businesses."""
    chance = random.Random(1)
    values = {
        f"label_{n}": "".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(LONGEST_VALUE)) for n in range(9)
    }
    labels = make_labels({"source": "prod", **values})
    watches = [f"{[chance.randrange(10**9) for _ in range(2000)]}", f"{[chance.randrange(10**9) for _ in range(2000)]}"]
    with closing(open_ledger(url, BOUNDS)) as ledger, ledger.transaction() as tx:
        tx.add([Count(Total.RECORDS, labels, 1)])
        for number, watch in enumerate(watches):
            tx.good_cycle("prod", watch, float(number))

    with closing(open_ledger(url, BOUNDS)) as ledger:
        assert set(ledger.view().totals) == {Series(Total.RECORDS, labels)}
        assert [ledger.last_good_cycle_at("prod", watch) for watch in watches] == [0.0, 1.0]
