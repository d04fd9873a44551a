"""Ledgers of older versions: brought up to date as they are opened, and nothing that they know is lost."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import open_ledger, schema

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
VERSION_1 = """
CREATE TABLE ledger (schema_version INTEGER NOT NULL);
CREATE TABLE sources (name VARCHAR NOT NULL, baseline_at FLOAT NOT NULL, PRIMARY KEY (name));
CREATE TABLE watches (
    source VARCHAR NOT NULL, watch VARCHAR NOT NULL, last_good_cycle_at FLOAT NOT NULL, PRIMARY KEY (source, watch)
);
CREATE TABLE alerts (
    source VARCHAR NOT NULL, alert_id VARCHAR NOT NULL, labels VARCHAR NOT NULL, first_seen_at FLOAT NOT NULL,
    counts_from FLOAT NOT NULL, read_at FLOAT, created_at FLOAT, creation_recorded BOOLEAN NOT NULL,
    counted VARCHAR NOT NULL, rejected VARCHAR NOT NULL, acked_at FLOAT, ack_observed BOOLEAN NOT NULL,
    first_action_at FLOAT, first_action_observed BOOLEAN NOT NULL, ended_at FLOAT, end_observed BOOLEAN NOT NULL,
    end_recorded BOOLEAN NOT NULL, outcome VARCHAR, settles_at FLOAT, rested_at FLOAT, anomaly_count FLOAT,
    watch VARCHAR NOT NULL, sighting VARCHAR, quiet_reads INTEGER NOT NULL, PRIMARY KEY (source, alert_id)
);
CREATE INDEX alerts_rested_at ON alerts (rested_at);
CREATE TABLE series (
    id INTEGER NOT NULL, total VARCHAR NOT NULL, labels VARCHAR NOT NULL, served_at FLOAT, revealed BOOLEAN NOT NULL,
    PRIMARY KEY (id), UNIQUE (total, labels)
);
CREATE TABLE cells (
    series_id INTEGER NOT NULL, cell VARCHAR NOT NULL, value FLOAT NOT NULL, PRIMARY KEY (series_id, cell),
    FOREIGN KEY(series_id) REFERENCES series (id) ON DELETE CASCADE
);
CREATE TABLE bounds (total VARCHAR NOT NULL, bounds VARCHAR NOT NULL, PRIMARY KEY (total));
INSERT INTO ledger VALUES (1);
INSERT INTO series VALUES (1, 'records', '{"source":"prod"}', NULL, 1);
INSERT INTO cells VALUES (1, 'value', 4);
INSERT INTO alerts VALUES (
    'prod', '1', '{"source":"prod"}', 1, 1, 2, 0.5, 1, '{"ACK":1}', '{}', 1.5, 1, NULL, 0, NULL, 0, 0, NULL, NULL, NULL,
    NULL, '', NULL, 3
);
INSERT INTO alerts VALUES (
    'prod', '2', '{"source":"prod"}', 1, 1, 2, 0.5, 1, '{"CLOSE":1}', '{}', NULL, 0, NULL, 0, 1.5, 1, 1, 'closed', 2, 2,
    NULL, 'infra',
    '{"alert_id": "2", "fields": {"alert_name": "\\"ü\\\\", "severity": "fatal"}, "is_acked": true,'
    || ' "is_shielded": false, "created_at": 0.1, "ended_at": 1.7, "outcome": "closed", "updated_at": 1700000091.123}',
    0
);
"""
VERSION_2 = (
    VERSION_1
    + """
ALTER TABLE alerts ADD COLUMN ack_sighted_at FLOAT;
ALTER TABLE alerts ADD COLUMN ack_target FLOAT;
ALTER TABLE alerts ADD COLUMN deadline_result VARCHAR;
ALTER TABLE series ADD COLUMN created_at FLOAT;
UPDATE ledger SET schema_version = 2;
"""
)
LONG_NAME = json.dumps({"bk_biz_ids": [*range(1000)]})
G = make_labels({"source": "prod"})
OPEN = KnownAlert(
    "prod",
    "1",
    G,
    first_seen_at=1.0,
    counts_from=1.0,
    read_at=2.0,
    created_at=0.5,
    creation_recorded=True,
    counted={"ACK": 1},
    ack=Milestone(1.5, observed=True),
    quiet_reads=3,
)
RESTING = KnownAlert(
    "prod",
    "2",
    G,
    first_seen_at=1.0,
    counts_from=1.0,
    read_at=2.0,
    created_at=0.5,
    creation_recorded=True,
    counted={"CLOSE": 1},
    end=Milestone(1.5, observed=True),
    end_recorded=True,
    outcome=Outcome.CLOSED,
    settles_at=2.0,
    rested_at=2.0,
    watch="infra",
    sighting=Sighting(
        "2",
        {"alert_name": '"ü\\', "severity": "fatal"},
        is_acked=True,
        created_at=0.1,
        ended_at=1.7,
        outcome=Outcome.CLOSED,
    ),
)


def columns(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Return what each table and index of a database has: names, kinds, what may be null, and keys."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")]
        pragmas = ("table_info", "index_xinfo", "foreign_key_list")
        found = {
            f"{pragma} {name}": {row[1:] for row in connection.execute(f"PRAGMA {pragma}({name})")}
            for name in names
            for pragma in pragmas
        }
        found |= {"tables": {row[1:] for row in connection.execute("PRAGMA table_list") if row[1] in names}}
    return found


def test_an_older_ledger_is_brought_up_to_date(tmp_path: Path) -> None:
    """Each missing step runs once, in order, and the new version is written with them."""
    ran: list[int] = []

    def step(number: int) -> Callable[[Connection], None]:
        return lambda _connection: ran.append(number)

    engine = create_engine(f"sqlite:///{tmp_path}/flow.db")
    with engine.begin() as connection:
        schema.create(connection, 1)
    steps = {schema.VERSION + n: step(schema.VERSION + n) for n in range(2)}
    for _ in range(2):
        with engine.begin() as connection:
            schema.upgrade(connection, "flow.db", steps, schema.VERSION + 2)
    engine.dispose()

    assert ran == [schema.VERSION, schema.VERSION + 1]


@pytest.mark.parametrize("script", [VERSION_1, VERSION_2])
def test_an_older_ledger_keeps_its_alerts_and_totals(script: str, tmp_path: Path) -> None:
    """What was counted stays; the alerts of the first version have no ack target, its series began with history."""
    with closing(sqlite3.connect(tmp_path / "flow.db")) as connection:
        connection.executescript(script)
        connection.execute("PRAGMA application_id = 0x424B464C")

    with closing(open_ledger(f"sqlite:///{tmp_path}/flow.db", BOUNDS)) as ledger:
        found = ledger.find("prod", ["1", "2"])
        totals = list(ledger.view().totals.values())

    assert found == {"1": OPEN, "2": RESTING}
    assert [(total.values, total.created_at) for total in totals] == [((4.0,), None)]


def test_a_watch_of_a_long_name_keeps_its_last_good_cycle(tmp_path: Path) -> None:
    """Since version 4 the ledger cuts such names."""
    with closing(sqlite3.connect(tmp_path / "flow.db")) as connection:
        connection.executescript(VERSION_2)
        connection.executemany("INSERT INTO watches VALUES (?, ?, ?)", [("a", LONG_NAME, 5.0), ("b", "short", 6.0)])
        connection.execute("PRAGMA application_id = 0x424B464C")
        connection.commit()

    with closing(open_ledger(f"sqlite:///{tmp_path}/flow.db", BOUNDS)) as ledger:
        assert ledger.last_good_cycle_at("a", LONG_NAME) == 5.0
        assert ledger.last_good_cycle_at("b", "short") == 6.0


def test_an_older_ledger_gets_the_tables_of_a_new_one(tmp_path: Path) -> None:
    """The same columns, keys and indices, wherever a column stands."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript(VERSION_1)
        connection.execute("PRAGMA application_id = 0x424B464C")
    for name in ("old.db", "new.db"):
        open_ledger(f"sqlite:///{tmp_path}/{name}", BOUNDS).close()

    assert columns(tmp_path / "old.db") == columns(tmp_path / "new.db")
