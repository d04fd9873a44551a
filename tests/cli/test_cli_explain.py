"""`explain`: what it tells of an alert, from where, and with which code it ends."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from exporter.simulator import Row, Simulator, SimulatorSettings, life_of
from tests.blueking.loopback import closed_port
from tests.cli.explaining import ALERT_ID, CREATED, ROWS, SECRET, run, write_config
from tests.e2e.harness import ExporterProcess, flow_samples, wait_until


@pytest.fixture
def start() -> Iterator[Any]:
    """Return a function that starts a simulated source with one alert that was acknowledged and recovered."""
    with ExitStack() as running:

        def start(rows: list[Row] = ROWS) -> str:
            settings = SimulatorSettings(app_secret=SECRET)
            return running.enter_context(Simulator(settings, lives=[life_of(ALERT_ID, rows)])).url

        yield start


def adds(result: Result) -> list[str]:
    """Return which metrics the flow adds to, from JSON, in its order."""
    flow = json.loads(result.stdout)["log"]["flow"]
    return [added["metric"].removeprefix("bkmonitor_flow_") for step in flow for added in step["adds"]]


def keep_ledger(config: Path) -> None:
    """Have an exporter read the alert into the ledger, and stop."""
    with ExporterProcess(config) as exporter:
        wait_until(lambda: "end" in ledger_names(config), within=30)
        assert exporter.stop() == 0


def ledger_names(config: Path) -> set[str]:
    """Return which milestones the ledger has, as `explain` sees it; none while it does not know the alert."""
    result = run(config, "--offline", "--output=json")
    if result.exit_code:
        return set()
    return {m["name"] for m in json.loads(result.stdout)["ledger"]["alert"]["milestones"] if m["told"] == "told"}


def test_a_fresh_read_alone_is_told(start: Any, tmp_path: Path) -> None:
    """Without a ledger: the flow as if its whole history counted, and no file is made."""
    config = write_config(tmp_path, start())

    result = run(config)
    document = run(config, "--output=json")

    assert result.exit_code == 0
    assert f"  ledger        {tmp_path}/flow.db does not exist" in result.stdout.splitlines()
    assert 'time_to_ack_seconds 90 s -> le="120.0"' in result.stdout
    assert adds(document) == [
        "records_total",
        "records_total",
        "time_to_first_action_seconds",
        "records_total",
        "time_to_ack_seconds",
        "ack_deadlines_total",
        "records_total",
        "time_to_end_seconds",
        "alerts_ended_total",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_it_reads_the_ledger_beside_a_running_exporter(start: Any, tmp_path: Path) -> None:
    """Which holds the lock and goes on; both sides agree, and offline the source need not be there."""
    config = write_config(tmp_path, start(), watch=[{"alerts": [ALERT_ID], "labels": {"team": "payments"}}])
    with ExporterProcess(config) as exporter:
        wait_until(lambda: "end" in ledger_names(config), within=30)
        told = json.loads(run(config, "--output=json").stdout)
        offline = json.loads(run(config, "--output=json", "--offline").stdout)
        assert exporter.get("/-/healthy").status_code == 200
        assert not [line for line in exporter.log if "level=error" in line]
        assert exporter.stop() == 0

    assert told["comparison"]["agrees"]
    assert told["state"] == "resting"
    assert told["labels"] == {"source": "s0", "team": "payments"}
    assert told["deadline"]["result"] == "met"
    assert (offline["log"]["flow"], offline["comparison"]) == (None, None)
    assert [(m["name"], m["seconds"]) for m in offline["ledger"]["alert"]["milestones"]] == [
        ("first ACK", 90.0),
        ("first action", 3.0),
        ("end", 300.0),
    ]


def test_a_source_that_is_down_leaves_the_ledgers_part(start: Any, tmp_path: Path) -> None:
    """The failure is told in a line, with its reason."""
    url = start()
    config = write_config(tmp_path, url, watch=[{"alerts": [ALERT_ID]}])
    keep_ledger(config)
    config.write_text(config.read_text().replace(url, closed_port()))

    result = run(config)

    assert result.exit_code == 0
    assert "  log           not read (unreachable): get_event_log: Connection refused" in result.stdout.splitlines()
    assert 'time_to_ack_seconds 90 s -> le="120.0"' in result.stdout


def test_what_the_ledger_lacks_is_pending(start: Any, tmp_path: Path) -> None:
    """A record that came after the exporter stopped stands as not read yet."""
    later = [ROWS[0], Row(CREATED + 3, "ACTION")]
    url = start(rows=later)
    config = write_config(tmp_path, url, watch=[{"alerts": [ALERT_ID]}])
    with ExporterProcess(config):
        wait_until(lambda: "first action" in ledger_names(config), within=30)
    config.write_text(config.read_text().replace(url, start()))

    told = json.loads(run(config, "--output=json").stdout)["comparison"]

    assert not told["agrees"]
    assert {count["name"]: count["why"] for count in told["counts"] if count["why"]} == {
        "ACK": "the next read adds 1",
        "RECOVER": "the next read adds 1",
    }


def test_an_alert_that_nobody_knows_ends_with_1(start: Any, tmp_path: Path) -> None:
    """Both are named, each with what it said."""
    result = run(write_config(tmp_path, start()), alert_id="164239028644167")

    assert result.exit_code == 1
    first, ledger, log = result.stderr.splitlines()
    assert first == "s0: alert 164239028644167 cannot be explained"
    assert ledger == f"  ledger: {tmp_path}/flow.db does not exist"
    assert log.startswith("  log: not read (no_such_alert): get_event_log: ")


@pytest.mark.parametrize("arguments", [(), ("--offline",)])
def test_a_source_that_is_down_and_no_ledger_end_with_1(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """There is nothing to explain."""
    result = run(write_config(tmp_path, closed_port()), *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"s0: alert {ALERT_ID} cannot be explained" in result.stderr


def test_of_several_sources_the_one_that_knows_the_alert_is_asked(start: Any, tmp_path: Path) -> None:
    """The ledger says which; it needs no --source."""
    url = start()
    config = write_config(tmp_path, url, watch=[{"alerts": [ALERT_ID]}])
    keep_ledger(config)
    two = write_config(tmp_path, url, closed_port())

    assert json.loads(run(two, "--output=json").stdout)["source"] == "s0"


def test_of_several_sources_the_one_that_lists_the_alert_is_asked(start: Any, tmp_path: Path) -> None:
    """Without a ledger the watches say which."""
    config = write_config(tmp_path, closed_port(), start())
    settings = json.loads(config.read_text())
    settings["sources"][1]["watch"] = [{"alerts": [ALERT_ID], "labels": {"team": "payments"}}]
    config.write_text(json.dumps(settings))

    told = json.loads(run(config, "--output=json").stdout)

    assert told["labels"] == {"source": "s1", "team": "payments"}


def test_where_several_sources_know_the_alert_one_must_be_named(start: Any, tmp_path: Path) -> None:
    """Which ones is told; with a name it goes on."""
    url = start()
    config = write_config(tmp_path, url, url, watch=[{"alerts": [ALERT_ID]}])

    unclear, named = run(config), run(config, "--source=s1", "--output=json")

    assert unclear.exit_code == 2
    assert f"several sources know alert {ALERT_ID}: s0, s1; say which one with --source" in unclear.stderr
    assert json.loads(named.stdout)["source"] == "s1"


def test_where_no_source_is_known_to_have_the_alert_they_are_named(tmp_path: Path) -> None:
    """Asking all of them would be asking many in vain."""
    result = run(write_config(tmp_path, closed_port(), closed_port()))

    assert result.exit_code == 2
    assert f"no source is known to have alert {ALERT_ID}; say which one with --source: s0, s1" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "alert_id", "message"),
    [
        (("--source=\x1bother",), "1", "the config has no source '\\x1bother'; it has s0"),
        ((), "16423902864416 7", "expected the id of an alert, such as 164239028644167"),
        (("--output=yaml",), "1", "'yaml' is not one of 'text', 'json'"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], alert_id: str, message: str, tmp_path: Path) -> None:
    """And says what would be right."""
    result = run(write_config(tmp_path, closed_port()), *arguments, alert_id=alert_id)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_bad_config_ends_with_2(tmp_path: Path) -> None:
    """Its faults are told as by check."""
    config = write_config(tmp_path, "ftp://x")

    assert run(config).exit_code == 2


def test_a_ledger_of_another_version_ends_with_1(start: Any, tmp_path: Path) -> None:
    """Its meaning is not known here; it is left as it is."""
    config = write_config(tmp_path, start(), watch=[{"alerts": [ALERT_ID]}])
    keep_ledger(config)
    with closing(sqlite3.connect(tmp_path / "flow.db")) as connection:
        connection.execute("UPDATE ledger SET schema_version = 99")
        connection.commit()

    result = run(config)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{tmp_path}/flow.db: schema version 99 was written by a newer exporter")


def test_the_explanations_of_all_alerts_add_up_to_what_is_served(tmp_path: Path) -> None:
    """Counted by hand from what `explain` says of each alert, every counter is what /metrics says."""
    epoch = time.time() - 600  # long enough ago for every deadline to be over
    settings = SimulatorSettings(epoch=epoch, history=1800, alerts_per_hour=40, app_secret=SECRET)
    with Simulator(settings, now=lambda: epoch) as simulator:
        alert_ids = [alert.id for alert in simulator.world.alerts(epoch)]
        config = write_config(tmp_path, simulator.url, watch=[{"alerts": alert_ids}])
        with ExporterProcess(config) as exporter:
            wait_until(lambda: "bkmonitor_flow_records_total{" in exporter.get("/metrics").text, within=30)
            served = flow_samples(exporter.samples())
            told: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
            for alert_id in alert_ids:
                document = json.loads(run(config, "--output=json", alert_id=alert_id).stdout)
                assert document["comparison"]["agrees"], document["comparison"]
                for added in (added for step in document["log"]["flow"] for added in step["adds"]):
                    name = added["metric"] + ("_count" if "le" in added else "")
                    told[name, frozenset(added["labels"].items())] += added["amount"]

    counters = {key: value for key, value in served.items() if key[0].endswith(("_total", "_count"))}
    assert len(alert_ids) > 10
    assert dict(told) == {key: value for key, value in counters.items() if not key[0].endswith("anomaly_count")}
