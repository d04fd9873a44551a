"""Every text and every time that the ledger is given comes back as it was, whatever the database."""

import random
from contextlib import closing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.flow.known import EVERYTHING, KnownAlert, Milestone
from exporter.flow.labels import LONGEST_VALUE, make_labels
from exporter.flow.observations import Count, Latency, Total
from exporter.flow.sightings import Sighting
from exporter.ledger import Series, open_ledger
from exporter.ledger.reading import find_alerts

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.floats(allow_nan=False, allow_infinity=False).map(lambda at: at + 0.0)  # -0.0 is the same time
ALERT_ID = "170000000000042"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.dictionaries(st.sampled_from(["team", "alert_name", "severity"]), TEXTS),
    fields=st.dictionaries(st.just("alert_name"), TEXTS),
    watch=TEXTS.map(lambda told: told.replace("\0", "")),
    at=TIMES,
    seconds=st.floats(0, 1e15),  # what examples add up to is no infinity, which PostgreSQL refuses
    count=st.integers(0, 2**70),
    yes=st.booleans(),
)
def test_what_is_kept_comes_back(
    url: str,
    values: dict[str, str],
    fields: dict[str, str],
    watch: str,
    at: float,
    seconds: float,
    count: int,
    yes: bool,
) -> None:
    """Labels and fields of any characters, times to the last bit, numbers beyond 64 bits, yes and no."""
    labels = make_labels({"source": "prod", **values})
    known = KnownAlert(
        "prod",
        ALERT_ID,
        labels,
        first_seen_at=at,
        counts_from=EVERYTHING,
        read_at=at,
        anomaly_count=int(float(count)),
        creation_recorded=yes,
        ack=Milestone(at, observed=yes),
        first_action=Milestone(at, observed=not yes),
        end=Milestone(observed=yes),
        end_recorded=not yes,
        watch=watch,
        sighting=Sighting(ALERT_ID, fields, is_acked=yes, is_shielded=not yes, created_at=at),
    )
    with closing(open_ledger(url, BOUNDS)) as ledger:
        with ledger.transaction() as tx:
            tx.put(known)
            tx.add([Count(Total.RECORDS, labels, 1), Latency(Total.TIME_TO_END, labels, seconds)])
        totals = dict(ledger.view().totals)

    assert find_alerts(url, ALERT_ID) == {"prod": known}
    with closing(open_ledger(url, BOUNDS)) as ledger:
        assert ledger.view().totals == totals
        assert repr(ledger.get("prod", ALERT_ID)) == repr(known)  # yes is no 1


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
