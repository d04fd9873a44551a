"""A ledger in PostgreSQL: which databases it takes, what it says of the others, and what it sets for itself."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, create_engine, text

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.ledger import Ledger, LedgerError, Series, open_ledger, schema
from exporter.ledger.database import open_database
from exporter.ledger.reading import find_alerts
from tests.e2e.prometheus import free_port
from tests.postgresql import PASSWORD, Server

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
G = make_labels({"source": "prod"})
ALERT = KnownAlert("prod", "170000000000042", G, first_seen_at=1.0)
HOLDS = (
    "import sys; from exporter.ledger import open_ledger; from exporter.flow.observations import Total\n"
    "held = open_ledger(sys.stdin.readline().strip(), {t: (60.0,) for t in Total if t.startswith('time_')})\n"
    "print('held', flush=True); sys.stdin.read()"
)
TABLES = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) AND relname !~ '^(pg_|sql_)'"


@pytest.fixture
def database(postgresql: Server) -> URL:
    """Return the URL of an empty database."""
    return postgresql.new_database()


def whole(url: URL) -> str:
    """Return a URL with its password, as a config has it."""
    return url.render_as_string(hide_password=False)


@contextmanager
def opened(url: URL) -> Iterator[Ledger]:
    """Give the ledger in a database."""
    with closing(open_ledger(whole(url), BOUNDS)) as ledger:
        yield ledger


def refusal(url: URL) -> str:
    """Return why a database is refused: one line that begins with its URL and has no password."""
    with pytest.raises(LedgerError) as caught, opened(url):
        pass
    told = str(caught.value)
    assert told.startswith(f"{url.render_as_string()}: ")
    assert PASSWORD not in told
    assert "\n" not in told
    return told


def test_a_second_exporter_is_told_who_has_it(database: URL) -> None:
    """Its process, machine, address and session; when that one is killed, the ledger is free."""
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(f"{whole(database)}\n".encode())
        holder.stdin.flush()
        assert holder.stdout.readline() == b"held\n"
        told = refusal(database)
        holder.kill()
        holder.wait()

    assert f"in use by another exporter (bkmonitor-flow-exporter {holder.pid}@" in told
    assert "at 127.0.0.1, session " in told
    with opened(database) as ledger:
        assert not ledger.view().alerts


def test_each_schema_has_a_ledger_of_its_own(postgresql: Server, database: URL) -> None:
    """Two exporters may share a database, each in a schema."""
    for name in ("one", "two"):
        postgresql.run(str(database.database), f"CREATE SCHEMA {name}")
    one, two = (database.update_query_dict({"options": f"-csearch_path={name}"}) for name in ("one", "two"))

    with opened(one) as first, opened(two) as second:
        for number, ledger in enumerate((first, second), start=1):
            with ledger.transaction() as tx:
                tx.add([Count(Total.RECORDS, G, number)])
        values = [ledger.view().totals[Series(Total.RECORDS, G)].values for ledger in (first, second)]

    assert values == [(1.0,), (2.0,)]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("CREATE TABLE alerts (id int)", r"has tables of something else \(alerts\); give another database or schema"),
        ("CREATE TABLE ledger (schema_version int)", r"has tables of something else \(ledger\)"),
        ("DROP SCHEMA public", "there is no schema to work in; CREATE SCHEMA"),
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "it only reads: name the primary"),
    ],
)
def test_a_database_that_cannot_be_used_is_left_alone(
    statement: str, says: str, postgresql: Server, database: URL
) -> None:
    """The reason and what to do are told; nothing is made in it."""
    postgresql.run(str(database.database), statement.format(name=database.database))
    before = postgresql.run(str(database.database), TABLES)

    assert re.search(says, refusal(database))
    assert postgresql.run(str(database.database), TABLES) == before


def test_a_database_that_cannot_hold_every_text_is_refused(postgresql: Server) -> None:
    """Labels have any character."""
    latin = postgresql.new_database("ENCODING 'LATIN1'", "TEMPLATE template0")

    assert "has the encoding LATIN1; give one that was created with UTF8" in refusal(latin)


def test_a_user_without_rights_is_told_which(postgresql: Server, database: URL) -> None:
    """A user who may connect, but not make tables."""
    guest = f"flow_guest_{database.database}"
    postgresql.run("postgres", f"CREATE ROLE {guest} LOGIN PASSWORD '{PASSWORD}'")

    assert "let this user create tables in the schema" in refusal(database.set(username=guest))


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"password": "hush-other"}, "password authentication failed"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"port": free_port()}, "Connection refused"),
        ({"query": {"sslmode": "require"}}, "server does not support SSL"),
        ({"query": {"sslmode": "loud"}}, 'invalid sslmode value: "loud"'),
    ],
)
def test_a_database_that_is_not_reached_is_named(part: dict[str, object], says: str, database: URL) -> None:
    """With what the driver says of it, and which parts of the URL to look at."""
    told = refusal(database.set(**part))  # type: ignore[arg-type] # parts by name

    assert says in told
    assert told.endswith("see that the server runs, and that host, user, password and database of ledger.url are right")
    assert "hush" not in told


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver is an extra of the package."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    assert "pip install 'bkmonitor-flow-exporter[postgresql]'" in refusal(
        URL.create("postgresql+psycopg", "flow", PASSWORD, "127.0.0.1", 1, "flow")
    )


def test_the_password_may_be_elsewhere(database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file that the URL or the environment names, or in the environment."""
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"127.0.0.1:{database.port}:*:flow:{PASSWORD}\n")
    passfile.chmod(0o600)
    bare = URL.create("postgresql+psycopg", "flow", None, "127.0.0.1", database.port, database.database)

    with opened(bare.update_query_dict({"passfile": str(passfile)})):
        pass
    for name, value in (("PGPASSFILE", str(passfile)), ("PGPASSWORD", PASSWORD)):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            with opened(bare):
                pass


def test_a_session_sets_its_limits(postgresql: Server, database: URL) -> None:
    """Time-outs, and commits that are on disk before they are answered; options of the URL go before ours."""
    postgresql.run(str(database.database), f"ALTER DATABASE {database.database} SET synchronous_commit = off")
    names = ("synchronous_commit", "statement_timeout", "lock_timeout", "tcp_keepalives_idle")
    url = database.update_query_dict({"options": "-c lock_timeout=1s", "connect_timeout": "9"})

    with closing(open_database(whole(url))) as held, held.begin() as connection:
        found = {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in names}

    assert found == dict(zip(names, ("on", "30s", "1s", "10"), strict=True))


def test_a_commit_that_waits_for_another_session_fails_in_time(database: URL) -> None:
    """Whoever holds a row from outside holds up nobody for long."""
    other = create_engine(database)
    url = database.update_query_dict({"options": "-c lock_timeout=100ms"})
    with opened(url) as ledger, other.connect() as connection, connection.begin():
        connection.execute(text("LOCK TABLE alerts"))
        with pytest.raises(LedgerError, match="another session holds what this one needs"), ledger.transaction() as tx:
            tx.put(ALERT)
        connection.rollback()
        with ledger.transaction() as tx:
            tx.put(ALERT)
        assert set(ledger.view().alerts) == {ALERT.key}
    other.dispose()


def test_it_is_read_beside_its_exporter(postgresql: Server, database: URL) -> None:
    """Without the lock, and without a trace where there is no ledger."""
    url = whole(database)
    assert find_alerts(url, ALERT.alert_id) is None
    assert postgresql.run(str(database.database), TABLES) == [(0,)]
    with opened(database) as ledger:
        assert find_alerts(url, ALERT.alert_id) == {}
        with ledger.transaction() as tx:
            tx.put(ALERT)
        assert find_alerts(url, ALERT.alert_id) == {"prod": ALERT}


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE ledger SET schema_version = 1", "schema version 1 is older than .* start the exporter on it once"),
        ("UPDATE ledger SET schema_version = 99", "schema version 99 was written by a newer exporter"),
        ("COMMENT ON TABLE ledger IS NULL", "has tables of something else"),
        ("ALTER TABLE alerts RENAME COLUMN labels TO tags", "column alerts.labels does not exist"),
    ],
)
def test_what_cannot_be_read_is_named(statement: str, says: str, postgresql: Server, database: URL) -> None:
    """A ledger of another version, or what only looks like one."""
    with opened(database):
        pass
    postgresql.run(str(database.database), statement)

    with pytest.raises(LedgerError, match=says):
        find_alerts(whole(database), ALERT.alert_id)


def test_a_ledger_of_a_newer_version_is_refused(postgresql: Server, database: URL) -> None:
    """Its meaning is not known here."""
    with opened(database):
        pass
    postgresql.run(str(database.database), "UPDATE ledger SET schema_version = 99")

    assert "schema version 99 was written by a newer exporter" in refusal(database)


def test_an_older_ledger_is_brought_up_to_date(database: URL) -> None:
    """Each missing step runs once, in order, and the new version is written with them."""
    ran: list[int] = []

    def step(number: int) -> Callable[[Connection], None]:
        return lambda _connection: ran.append(number)

    steps = {schema.VERSION + n: step(schema.VERSION + n) for n in range(2)}
    with closing(open_database(whole(database))) as held:
        for _ in range(2):
            with held.begin() as connection:
                schema.upgrade(connection, held.where, steps, schema.VERSION + 2)

    assert ran == [schema.VERSION, schema.VERSION + 1]


AS_VERSION_4 = """
ALTER TABLE ledger DROP COLUMN shards;
ALTER TABLE ledger ADD COLUMN commit_id VARCHAR DEFAULT '' NOT NULL;
DROP TABLE shards;
ALTER TABLE alerts DROP COLUMN shard;
ALTER TABLE series DROP COLUMN shard;
ALTER TABLE sources DROP COLUMN shard, ADD PRIMARY KEY (name);
ALTER TABLE watches DROP COLUMN shard, ADD PRIMARY KEY (source, watch);
ALTER TABLE bounds DROP COLUMN shard, ADD PRIMARY KEY (total);
UPDATE ledger SET schema_version = 4, commit_id = 'the last one';
"""
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = current_schema() ORDER BY 1, 2
"""
KEYS = """
    SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2
"""


def test_a_ledger_from_before_there_were_shards_keeps_what_it_has(postgresql: Server, database: URL) -> None:
    """It becomes one shard, or as many as are asked for; its tables are those of a new ledger."""
    name = str(database.database)
    with opened(database) as ledger, ledger.transaction() as tx:
        tx.put(ALERT)
        tx.add([Count(Total.RECORDS, G, 2)])
        tx.good_cycle("prod", "infra", 7.0)
        tx.complete_baseline("prod", 5.0)
    new = {row for told in (COLUMNS, KEYS) for row in postgresql.run(name, told)}
    for statement in AS_VERSION_4.strip().split("\n"):
        postgresql.run(name, statement)

    with closing(open_ledger(whole(database), BOUNDS, shards=4)) as ledger:
        assert [known.alert_id for known in ledger.unrested("prod")] == [ALERT.alert_id]
        assert {series: total.values for series, total in ledger.view().totals.items()} == {
            Series(Total.RECORDS, G): (2.0,)
        }
        assert (ledger.lacking_baseline("prod"), ledger.last_good_cycle_at("prod", "infra")) == (frozenset(), 7.0)
    assert {row for told in (COLUMNS, KEYS) for row in postgresql.run(name, told)} ^ new == set()
