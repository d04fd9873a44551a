"""Checking a ledger: nothing is found in a sound one, and each kind of damage with its table and key."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.flow.advance import Policy, advance, see
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Bounds, Ledger, LedgerError, open_ledger
from exporter.ledger.contradictions import contradictions
from exporter.ledger.integrity import Report, check_ledger
from tests.flow.test_flow_properties import HISTORIES, UNSEEN, newest_first

BOUNDS: Bounds = {
    Total.TIME_TO_ACK: (60.0, 300.0),
    Total.TIME_TO_FIRST_ACTION: (0.5,),
    Total.TIME_TO_END: (3600.0,),
}
BORN = 1_700_000_000.0
POLICY = Policy(settle=10.0, max_age=1e6)
G = make_labels({"source": "prod", "team": "payments"})
SIGHTINGS = st.builds(
    Sighting,
    st.just("170000000000042"),
    is_acked=st.booleans(),
    created_at=st.none() | st.just(BORN),
    ended_at=st.none() | st.just(BORN + 50),
    outcome=st.none() | st.sampled_from([Outcome.RECOVERED, Outcome.CLOSED]),
)


def put(ledger: Ledger, number: int, rows: dict[str, float], **more: object) -> None:
    """Commit an alert that was read an hour after its birth."""
    unseen = KnownAlert("prod", f"170000000000{number}", G, BORN, ack_target=60.0)
    log = Log(tuple(FlowRecord(operate, "SUCCESS", BORN + at) for operate, at in rows.items()))
    known, observations = advance(replace(unseen, **more), log, now=BORN + 3600, policy=POLICY)  # type: ignore[arg-type] # fields by name
    with ledger.transaction() as tx:
        tx.put(known)
        tx.add(observations)


def fill(url: str) -> None:
    """Make a ledger with alerts that are open, acknowledged, recovered, closed by a search's word, and unread."""
    closed = Sighting("17000000000003", {"alert_name": "x"}, ended_at=BORN + 40, outcome=Outcome.CLOSED)
    with closing(open_ledger(url, BOUNDS)) as ledger:
        put(ledger, 0, {"CREATE": 0, "ACTION": 1})
        put(ledger, 1, {"CREATE": 0, "ACTION": 0.25, "ACK": 50.5})
        put(ledger, 2, {"CREATE": 0, "ACK": 90, "RECOVER": 300.5})
        put(ledger, 3, {"CREATE": 0}, sighting=closed)
        with ledger.transaction() as tx:
            tx.put(KnownAlert("prod", "17000000000004", G, BORN))
            tx.complete_baseline("prod", BORN)
            tx.good_cycle("prod", "alerts", BORN)


def checked(url: str, bounds: Bounds = BOUNDS) -> Report:
    """Return the report of a check."""
    report = check_ledger(url, bounds)
    assert report is not None
    return report


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the file of a sound ledger, which no exporter uses."""
    path = tmp_path / "flow.db"
    fill(f"sqlite:///{path}")
    return path


def test_nothing_is_found_in_a_sound_ledger(url: str) -> None:
    """Its rows are counted."""
    fill(url)
    report = checked(url)

    assert (report.findings, report.left_out, report.notes) == ([], 0, [])
    assert report.counts["alerts"] == 5
    assert report.counts["resting"] == 2
    assert report.counts["bounds"] == 3


def test_a_check_may_run_beside_an_exporter(url: str) -> None:
    """It needs no lock."""
    fill(url)
    with closing(open_ledger(url, BOUNDS)):
        assert checked(url).findings == []


def test_without_a_ledger_nothing_is_checked(tmp_path: Path) -> None:
    """And none is made."""
    assert check_ledger(f"sqlite:///{tmp_path}/flow.db", BOUNDS) is None
    assert list(tmp_path.iterdir()) == []


def test_other_buckets_in_the_config_are_a_note(url: str) -> None:
    """They are no damage: the histogram starts anew when the exporter does."""
    fill(url)
    report = checked(url, {**BOUNDS, Total.TIME_TO_END: (1.0,)})

    assert report.findings == []
    assert report.notes == ["time_to_end: the config has other buckets: it starts anew when the exporter starts"]


BOUND = "UPDATE bounds SET {} WHERE total = 'time_to_ack'"
SERIES = "UPDATE series SET {} WHERE total = 'time_to_ack'"
ALERT_1 = "UPDATE alerts SET {} WHERE alert_id = '1700000000001'"
ALERT_2 = "UPDATE alerts SET {} WHERE alert_id = '1700000000002'"
CELL = (
    "UPDATE cells SET value = {} WHERE cell = '{}' AND series_id = (SELECT id FROM series WHERE total = '{}' LIMIT 1)"
)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (ALERT_1.format("counted = '{'"), "alerts prod/1700000000001: cannot be read: "),
        (ALERT_1.format("counted = '[]'"), "alerts prod/1700000000001: cannot be read: "),
        (ALERT_1.format("outcome = 'vanished'"), "alerts prod/1700000000001: cannot be read: "),
        (ALERT_1.format("labels = '{\"source\": 7}'"), "alerts prod/1700000000001: cannot be read: "),
        (ALERT_1.format("""labels = '{"team":"a","source":"prod"}'"""), '1: labels: \'{"team":"a","source":'),
        (ALERT_1.format("""labels = '{"source":"test"}'"""), "1: labels of another source"),
        (ALERT_1.format("sighting_acked = 1"), "1: sighting_acked: True is not as it is written, None"),
        (ALERT_1.format("read_at = 'noon'"), "1: read_at: 'noon' is no number"),
        (ALERT_1.format("created_at = 9e999"), "1: created_at: inf is no number"),
        (ALERT_1.format("""counted = '{"CREATE":-1}'"""), "1: -1 rows of CREATE"),
        (ALERT_1.format("""rejected = '{"operate":0.5}'"""), "1: 0.5 unreadable rows of operate"),
        (ALERT_1.format("quiet_reads = -1"), "1: fewer than no quiet reads"),
        (ALERT_1.format("acked_at = NULL"), "1: its acknowledgement is counted, but did not happen"),
        (ALERT_1.format("ack_observed = 0"), "1: its acknowledgement happened, but is not counted"),
        (ALERT_1.format("first_action_observed = 0"), "1: its first action happened, but is not counted"),
        (ALERT_1.format("read_at = NULL"), "1: never read, and something of its log is known"),
        (ALERT_1.format("rested_at = 1.0"), "1: rests without an outcome"),
        (ALERT_1.format("settles_at = 1.0"), "1: waits for late records without an outcome"),
        (ALERT_1.format("end_recorded = 1"), "1: an end from a record without an outcome"),
        (ALERT_1.format("ended_at = 1.0"), "1: an end without an outcome"),
        (ALERT_1.format("ack_target = NULL"), "1: a result without an ack target"),
        (ALERT_1.format("created_at = NULL"), "1: a creation from a record without its time"),
        (ALERT_1.format("ack_sighted_at = 1.0"), "1: acknowledged in a search that never found it"),
        (ALERT_2.format("end_observed = 0"), "2: its end happened, but is not counted"),
        (ALERT_2.format("ended_at = NULL"), "2: an outcome without an end"),
        (ALERT_2.format("settles_at = NULL"), "2: ended, and never waits for late records"),
        (ALERT_2.format("outcome = 'expired', rested_at = NULL"), "2: expired, and does not rest"),
        (ALERT_2.format("read_at = NULL"), "2: rests without a read"),
        ("UPDATE sources SET baseline_at = 'noon'", "sources prod/0: baseline_at: 'noon' is no number"),
        (
            "UPDATE watches SET last_good_cycle_at = 9e999",
            "prod/alerts/0: last_good_cycle_at: inf is no number",
        ),
        (BOUND.format("bounds = '[2.0, 1.0]'"), "bounds time_to_ack: '[2.0, 1.0]' are no bounds of a histogram"),
        (BOUND.format("bounds = '7'"), "bounds time_to_ack: '7' are no bounds of a histogram"),
        (BOUND.format("total = 'records'"), "bounds records: '[60.0, 300.0]' are no bounds of a histogram"),
        (BOUND.format("bounds = '[60.0, 301.0]'"), "the cell le=301.0 is missing"),
        (BOUND.format("bounds = '[60.0, 301.0]'"), "the cell le=300.0 is none of its own"),
        (SERIES.format("total = 'ack'"), "a total that this version does not know"),
        (SERIES.format("labels = '{}'"), "series time_to_ack{}: labels without a source"),
        (SERIES.format("labels = '['"), "series time_to_ack[: labels that are not written as"),
        (SERIES.format("""labels = '{"source": "prod"}'"""), "labels that are not written as"),
        ("UPDATE series SET created_at = 'noon'", "created_at: 'noon' is no number"),
        ("DELETE FROM cells WHERE cell = 'value'", "the cell value is missing"),
        ("DELETE FROM series WHERE total = 'time_to_ack'", " of a series that is not there"),
        (CELL.format("-1", "value", "records"), "value: -1.0 is negative"),
        (CELL.format("1.5", "value", "records"), "value: 1.5 is not whole"),
        (CELL.format("9e999", "value", "records"), "value: inf is no number"),
        (CELL.format("'two'", "value", "records"), "value: 'two' is no number"),
        (CELL.format("0", "sum", "time_to_ack"), "a sum of 0.0, which its buckets do not allow"),
        (CELL.format("1e9", "sum", "time_to_ack"), "a sum of 1000000000.0, which its buckets do not allow"),
        (CELL.format("0", "value", "alerts_ended"), "1 ends have a duration, and 0 were counted"),
        ("ALTER TABLE alerts DROP COLUMN quiet_reads", "alerts: the column quiet_reads is missing"),
        ("DROP TABLE watches", "watches: the table is missing"),
    ],
)
def test_each_kind_of_damage_is_found(damage: str, finding: str, file: Path) -> None:
    """With the table and the key of what is wrong."""
    with closing(sqlite3.connect(file)) as other, other:
        other.execute(damage)

    findings = checked(f"sqlite:///{file}").findings

    assert any(finding in told for told in findings), findings


def test_an_index_that_lost_rows_is_found(file: Path) -> None:
    """SQLite says so itself; nothing is read row by row then."""
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute("UPDATE sqlite_master SET sql = replace(sql, 'rested_at', 'read_at') WHERE type = 'index'")

    report = checked(f"sqlite:///{file}")

    assert report.findings
    assert all(finding.startswith("file: row ") for finding in report.findings)
    assert report.counts == {}


def test_a_file_of_which_pages_are_lost_is_told(file: Path) -> None:
    """What cannot be read at all is an error."""
    with file.open("r+b") as pages:
        pages.seek(4096)
        pages.write(bytes(file.stat().st_size - 4096))

    with pytest.raises(LedgerError, match="malformed; restore it from a backup"):
        check_ledger(f"sqlite:///{file}", BOUNDS)


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    """As everywhere."""
    with closing(sqlite3.connect(tmp_path / "flow.db")) as other, other:
        other.execute("CREATE TABLE x (y)")

    with pytest.raises(LedgerError, match="a SQLite database of something else"):
        check_ledger(f"sqlite:///{tmp_path}/flow.db", BOUNDS)


def test_very_many_findings_are_told_in_part(tmp_path: Path) -> None:
    """How many there are beyond those is told all the same."""
    url = f"sqlite:///{tmp_path}/flow.db"
    with closing(open_ledger(url, BOUNDS)) as ledger, ledger.transaction() as tx:
        for number in range(1_005):
            tx.put(KnownAlert("prod", str(number), G, BORN, quiet_reads=-1))

    report = checked(url)

    assert (len(report.findings), report.left_out) == (1_000, 5)


@given(unseen=UNSEEN, histories=st.lists(HISTORIES | SIGHTINGS, max_size=6), max_age=st.sampled_from([100.0, 1e9]))
def test_no_history_contradicts_itself(
    unseen: KnownAlert, histories: list[list[FlowRecord] | Sighting], max_age: float
) -> None:
    """Whatever logs and searches tell, in whatever order: what is found would be damage."""
    known, policy = unseen, Policy(settle=10, max_age=max_age)
    for step, told in enumerate(histories):
        now = BORN + 20.0 * step
        if isinstance(told, Sighting):
            known = see(known, told, now)
        else:
            known, _ = advance(known, newest_first(told), now=now, policy=policy)

        assert list(contradictions(known)) == []
