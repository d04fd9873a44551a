"""Moving a ledger: an export tells all of it, and an import takes all of that or nothing."""

import gzip
import io
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import EVERYTHING, KnownAlert, Milestone
from exporter.flow.labels import Labels, make_labels
from exporter.flow.observations import Count, Latency, Observation, Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Series, open_ledger
from exporter.ledger.transfer import export_ledger, import_ledger
from tests.ledger.moving import BOUNDS, G, add, exported, fill, take
from tests.postgresql import Server

FEW, MANY = 2_000, 8_000
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
TIMES = st.floats(allow_nan=False, allow_infinity=False)
LABELS = st.builds(lambda team: make_labels({"source": "prod", "team": team}), NAMES)
MILESTONES = st.builds(Milestone, st.none() | TIMES, st.booleans())
ALERTS = st.builds(
    KnownAlert,
    source=st.sampled_from(["prod", "test"]),
    alert_id=st.integers(0, 20).map(str) | NAMES,
    labels=LABELS,
    first_seen_at=TIMES,
    counts_from=TIMES | st.just(EVERYTHING),
    read_at=st.none() | TIMES,
    created_at=st.none() | TIMES,
    creation_recorded=st.booleans(),
    counted=st.dictionaries(st.sampled_from(["CREATE", "ACK"]), st.integers(1, 2**62)),
    ack=MILESTONES,
    end=MILESTONES,
    outcome=st.none() | st.sampled_from(Outcome),
    rested_at=st.none() | TIMES,
    anomaly_count=st.none() | st.integers(0, 2**80).map(lambda number: int(float(number))),
    watch=NAMES,
    sighting=st.none() | st.builds(Sighting, st.just(""), st.dictionaries(st.just("alert_name"), NAMES)),
    ack_target=st.none() | TIMES,
    deadline_result=st.none() | st.sampled_from(DeadlineResult),
)
OBSERVATIONS = st.builds(Count, st.just(Total.RECORDS), LABELS, st.integers(0, 2**40)) | st.builds(
    Latency, st.sampled_from(list(BOUNDS)), LABELS, st.floats(0, 1e12)
)


@settings(max_examples=30)
@given(alerts=st.lists(ALERTS, max_size=6), observations=st.lists(OBSERVATIONS, max_size=6))
def test_what_is_imported_is_exported_alike(alerts: list[KnownAlert], observations: list[Observation]) -> None:
    """Byte for byte, whatever was known and counted; and an exporter finds the same in both."""
    with tempfile.TemporaryDirectory() as folder:
        old, new = f"sqlite:///{folder}/old.db", f"sqlite:///{folder}/new.db"
        with closing(open_ledger(old, BOUNDS)) as ledger:
            add(ledger, alerts, observations)
        take(new, exported(old))

        assert exported(new) == exported(old)
        with closing(open_ledger(old, BOUNDS)) as one, closing(open_ledger(new, BOUNDS)) as other:
            assert one.view() == other.view()


def test_a_ledger_moves_to_another_database_and_back(old: str, url: str, tmp_path: Path) -> None:
    """The same lines come from every database."""
    back = f"sqlite:///{tmp_path}/back.db"
    take(url, exported(old))
    take(back, exported(url))

    assert exported(url) == exported(old) == exported(back)


def test_counting_goes_on_where_it_was(old: str, url: str) -> None:
    """Old series grow and new ones come, as if nothing had been moved."""
    take(url, exported(old))
    for moved in (old, url):
        with closing(open_ledger(moved, BOUNDS)) as ledger, ledger.transaction() as tx:
            tx.add([Count(Total.RECORDS, G, 2), Count(Total.RECORDS, make_labels({"source": "test"}), 1)])

    with closing(open_ledger(url, BOUNDS)) as ledger:
        assert ledger.view().totals[Series(Total.RECORDS, G)].values == (5.0,)
        assert ledger.view().totals[Series(Total.RECORDS, make_labels({"source": "test"}))].values == (1.0,)
    assert exported(url).count(b"\n") == exported(old).count(b"\n")


def test_an_export_tells_what_is_committed_beside_a_running_exporter(url: str) -> None:
    """It needs no lock, and the exporter goes on."""
    with closing(open_ledger(url, BOUNDS)) as ledger:
        add(ledger, [], [Count(Total.RECORDS, G, 1)])
        told = exported(url)
        add(ledger, [], [Count(Total.RECORDS, G, 1)])

        assert told != exported(url)
        assert b'{"value":1.0}' in told


def test_a_packed_export_is_the_same_each_time_and_can_be_imported(old: str, tmp_path: Path) -> None:
    """No time and no name in it."""
    packed = exported(old, compressed=True)
    take(f"sqlite:///{tmp_path}/new.db", packed, compressed=True)

    assert packed == exported(f"sqlite:///{tmp_path}/new.db", compressed=True)
    assert gzip.decompress(packed) == exported(old)


def test_without_a_ledger_there_is_nothing_to_export(tmp_path: Path) -> None:
    """And none is made."""
    assert export_ledger(f"sqlite:///{tmp_path}/flow.db", io.BytesIO(), compressed=False) is None
    assert list(tmp_path.iterdir()) == []


def peaks(folder: Path, alerts: int) -> Iterator[int]:
    """Yield the peak of memory while so many alerts are exported, then imported."""
    old, new = f"sqlite:///{folder}/{alerts}.db", f"sqlite:///{folder}/{alerts}-new.db"
    labels: Labels = make_labels({"source": "prod"})
    with closing(open_ledger(old, BOUNDS)) as ledger:
        add(ledger, [KnownAlert("prod", f"17{n:013}", labels, 1.0) for n in range(alerts)], [])
    with (folder / str(alerts)).open("w+b") as file:
        tracemalloc.start()
        try:
            export_ledger(old, file, compressed=False)
            yield tracemalloc.get_traced_memory()[1]
            file.seek(0)
            tracemalloc.reset_peak()
            import_ledger(new, file, "moved", compressed=False)
            yield tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_memory_does_not_grow_with_the_ledger(tmp_path: Path) -> None:
    """Four times the alerts take no more of it than some."""
    few = list(peaks(tmp_path, FEW))
    many = list(peaks(tmp_path, MANY))

    assert all(more < 1.5 * less + 100_000 for less, more in zip(few, many, strict=True))


def test_a_file_becomes_a_ledger_that_several_share(postgresql: Server, tmp_path: Path) -> None:
    """On the way its alerts get their shards; series keep their names and values, and go back as they were."""
    database = postgresql.new_database().render_as_string(hide_password=False)
    before = f"sqlite:///{tmp_path}/before.db"
    fill(before)
    with closing(open_ledger(before, BOUNDS)) as ledger:
        totals = ledger.view().totals
        ids = set(ledger.view().alerts)
    import_ledger(database, io.BytesIO(exported(before)), "moved", compressed=False, shards=8)

    with closing(open_ledger(database, BOUNDS, shards=8)) as shared:
        assert (set(shared.view().alerts), shared.view().totals) == (ids, totals)
        assert {dict(known.labels)["shard"] for known in shared.view().alerts.values()} <= set("01234567")
    after = f"sqlite:///{tmp_path}/after.db"
    import_ledger(after, io.BytesIO(exported(database)), "moved back", compressed=False)
    assert exported(after) == exported(before)
