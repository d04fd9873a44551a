"""Moving a ledger: an export tells all of it, and an import takes all of that or nothing."""

import gzip
import hashlib
import io
import json
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import EVERYTHING, KnownAlert, Milestone
from exporter.flow.labels import Labels, make_labels
from exporter.flow.observations import Count, Latency, Observation, Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Ledger, LedgerError, Series, open_ledger
from exporter.ledger.lines import FORMAT
from exporter.ledger.transfer import export_ledger, import_ledger
from tests.postgresql import Server

BOUNDS = {
    Total.TIME_TO_ACK: (60.0, 300.0),
    Total.TIME_TO_FIRST_ACTION: (0.1, 1 / 3),
    Total.TIME_TO_END: (3600.0,),
}
G = make_labels({"source": "prod", "team": '"ü\\\n🔥'})
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


def add(ledger: Ledger, alerts: list[KnownAlert], observations: list[Observation]) -> None:
    """Commit alerts and observations, the births of the series, and the end of a cycle."""
    with ledger.transaction() as tx:
        for known in alerts:
            tx.put(known)
        tx.add(observations)
        tx.good_cycle("prod", "search ü", 1 / 3)
        tx.complete_baseline("test", 5.5)
    unrevealed = sorted(ledger.unrevealed())
    with ledger.transaction() as tx:
        tx.serve(dict.fromkeys(unrevealed[1:], 0.1))
        tx.reveal(unrevealed[2:])


def fill(url: str) -> None:
    """Make a ledger that has something of everything."""
    alerts = [
        KnownAlert("prod", "1", G, first_seen_at=0.1, read_at=1e9 + 1 / 3, anomaly_count=10**20),
        KnownAlert("prod", "2", G, 1.0, read_at=2.0, end=Milestone(1.5, True), outcome=Outcome.CLOSED, rested_at=2.0),
    ]
    observations: list[Observation] = [Count(Total.RECORDS, G, 3)]
    observations += [Latency(Total.TIME_TO_ACK, G, seconds) for seconds in (0.1, 0.2, 301.0)]
    with closing(open_ledger(url, BOUNDS)) as ledger:
        add(ledger, alerts, observations)


def exported(url: str, *, compressed: bool = False) -> bytes:
    """Return the export of a ledger."""
    with io.BytesIO() as file:
        assert export_ledger(url, file, compressed=compressed) is not None
        return file.getvalue()


def take(url: str, told: bytes, *, compressed: bool = False) -> None:
    """Import what was exported."""
    import_ledger(url, io.BytesIO(told), "moved.jsonl", compressed=compressed)


@pytest.fixture
def old(tmp_path: Path) -> str:
    """Return the URL of a ledger that has something of everything."""
    url = f"sqlite:///{tmp_path}/old.db"
    fill(url)
    return url


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


def is_empty(url: str) -> bool:
    """Tell whether a ledger has no data."""
    counts: dict[str, int] = json.loads(exported(url).splitlines()[-1])[1]
    return set(counts.values()) == {0}


def test_an_import_overwrites_nothing(old: str, url: str) -> None:
    """A ledger that has anything refuses it, and stays as it is; one that an exporter just made takes it."""
    told = exported(old)
    open_ledger(url, {**BOUNDS, Total.TIME_TO_END: (1.0,)}).close()
    take(url, told)
    assert exported(url) == told

    with pytest.raises(LedgerError, match=r"has alerts already; import into an empty ledger, nothing was imported"):
        take(url, told)
    assert exported(url) == told


def test_an_import_is_refused_while_an_exporter_runs(old: str, url: str) -> None:
    """The ledger is in use."""
    with closing(open_ledger(url, BOUNDS)), pytest.raises(LedgerError, match="in use by another exporter"):
        take(url, exported(old))


def without_end(told: bytes) -> bytes:
    """Cut the last line off."""
    return b"".join(told.splitlines(keepends=True)[:-1])


def with_head(position: int, value: object) -> Callable[[bytes], bytes]:
    """Return a change of one value of the first line."""

    def change(told: bytes) -> bytes:
        head, rest = told.split(b"\n", 1)
        values = json.loads(head)
        values[position] = value
        return json.dumps(values).encode() + b"\n" + rest

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: b"", "moved.jsonl:1: not an export of a ledger"),
        (lambda _: b"\x00\xff" * 100_000, "moved.jsonl:1: not an export of a ledger"),
        (lambda _: b'{"alerts": []}\n', "moved.jsonl:1: not an export of a ledger"),
        (lambda _: f'["{FORMAT}"]\n'.encode(), "moved.jsonl:1: not an export of a ledger"),
        (with_head(1, 2), "format version 2 was written by a newer exporter; import it with that one"),
        (with_head(2, 99), "schema version 99 was written by a newer exporter; import it with that one"),
        (with_head(2, 1), "schema version 1 is older than this exporter's .*; import it with the exporter that wrote"),
        (with_head(3, {}), "has other columns than the tables of its version"),
        (without_end, "the file is cut"),
        (lambda told: told[:-1], "the file is cut"),
        (lambda told: told.replace(b'"value":3.0', b'"value":4.0'), "the checksum of the lines before are others"),
        (lambda told: told.replace(b'"value":3.0', b'"value":3'), "value: 3 is no value of this column"),
        (lambda told: told.replace(b'["alerts",', b'["cases",', 1), "not a row of a table"),
        (lambda told: told.replace(b'["alerts",', b'["alerts",0,', 1), "not a row of a table"),
        (lambda told: told.replace(b'["alerts",', b'{"alerts",', 1), "not a line of an export"),
        (lambda told: told + b"\n", "there is more after the last line"),
    ],
)
def test_what_is_no_sound_export_is_refused(
    change: Callable[[bytes], bytes], why: str, old: str, tmp_path: Path
) -> None:
    """The error names the line and says what is wrong with it; nothing of the file is taken."""
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(LedgerError, match=why) as raised:
        take(url, change(exported(old)))

    assert str(raised.value).startswith("moved.jsonl:")
    assert str(raised.value).endswith("nothing was imported")
    if (tmp_path / "new.db").exists():
        assert is_empty(url)


@settings(max_examples=25)
@given(part=st.floats(0, 1, exclude_max=True), compressed=st.booleans())
def test_a_file_that_is_cut_anywhere_is_refused(part: float, compressed: bool) -> None:
    """Packed or not, at whatever byte it ends."""
    with tempfile.TemporaryDirectory() as folder:
        fill(f"sqlite:///{folder}/old.db")
        told = exported(f"sqlite:///{folder}/old.db", compressed=compressed)
        with pytest.raises(LedgerError, match="nothing was imported"):
            take(f"sqlite:///{folder}/new.db", told[: int(part * len(told))], compressed=compressed)


def twice(told: bytes) -> bytes:
    """Return an export with a row that stands there twice, its counts and its checksum made to fit."""
    *lines, end = told.splitlines(keepends=True)
    row = next(number for number, line in enumerate(lines) if line.startswith(b'["alerts"'))
    lines.insert(row, lines[row])
    counts = json.loads(end)[1]
    counts["alerts"] += 1
    checksum = hashlib.sha256(b"".join(lines)).hexdigest()
    return b"".join(lines) + json.dumps(["end", counts, checksum]).encode() + b"\n"


def test_a_row_that_stands_there_twice_is_refused(old: str, url: str) -> None:
    """Also where counts and checksum agree."""
    with pytest.raises(LedgerError, match="alerts: one row stands there twice: the file is damaged"):
        take(url, twice(exported(old)))
    assert is_empty(url)


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
