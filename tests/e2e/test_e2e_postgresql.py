"""A ledger in PostgreSQL: whatever is killed, exporter, session or server, every total equals the truth."""

import math
import random
import time
from pathlib import Path

from exporter.simulated_watch import watch_file_kept, write_watch_file
from exporter.simulator import Judgement, Simulator, SimulatorSettings
from tests.e2e.harness import (
    ExporterProcess,
    differences,
    flow_samples,
    true_samples,
    wait_until,
)
from tests.e2e.lively import BOUNDS, CONFIG
from tests.postgresql import PASSWORD, Server, running_server

LIVE = 14.0  # seconds in which new things happen
KILLS = 6


def test_totals_equal_the_truth_whoever_is_killed(tmp_path: Path) -> None:
    """Whole lives, polled while exporter, its session and the server itself are ended at random moments."""
    seed = time.time_ns()
    print(f"kills drawn with seed {seed}")  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)
    epoch = time.time()
    settings = SimulatorSettings(epoch=epoch, history=60, alerts_per_hour=3000, speed=150)
    config = tmp_path / "config.yaml"
    with Simulator(settings, now=lambda: min(time.time(), epoch + LIVE)) as simulator, running_server() as server:
        database = server.new_database()
        ledger = database.render_as_string(hide_password=False)
        config.write_text(CONFIG.format(url=simulator.url, ledger=ledger))
        with watch_file_kept(tmp_path / "watch.json", simulator.world, time.time):
            for kill_at in sorted(chance.uniform(2, LIVE) for _ in range(KILLS)):
                with ExporterProcess(config, wait=False):
                    wait_until(lambda: time.time() >= epoch + kill_at, within=LIVE)  # noqa: B023 - called here only
                    end_something(server, str(database.database), chance)
            wait_until(lambda: time.time() > epoch + LIVE, within=LIVE)
        write_watch_file(tmp_path / "watch.json", simulator.world, epoch + LIVE)
        truth = true_samples(simulator.world.truth(epoch + LIVE, Judgement(at=math.inf)), "sim", BOUNDS)
        assert len(truth) > 50

        with ExporterProcess(config) as exporter:
            wait_until(lambda: not differences(flow_samples(exporter.samples()), truth), within=40)
            server.stop()
            server.start()
            wait_until(lambda: any("ledger is back" in line for line in exporter.log), within=40)
            assert differences(flow_samples(exporter.samples()), truth) == {}
            assert exporter.stop() == 0
            assert PASSWORD not in "".join(exporter.log)


def end_something(server: Server, database: str, chance: random.Random) -> None:
    """End the sessions, or the server; the exporter has a moment to go on before it is killed itself."""
    if chance.random() < 0.5:
        server.terminate_sessions(database)
    else:
        server.stop()
        server.start()
    wait_until(lambda: chance.random() < 0.2, within=5)


def test_an_exporter_that_lost_its_ledger_to_another_one_ends(tmp_path: Path) -> None:
    """In the log it says who has it now, and its exit code is that of a failure."""
    settings = SimulatorSettings(epoch=time.time(), history=60, alerts_per_hour=3000, speed=150)
    config = tmp_path / "config.yaml"
    with Simulator(settings) as simulator, running_server() as server:
        database = server.new_database()
        ledger = database.render_as_string(hide_password=False)
        config.write_text(CONFIG.format(url=simulator.url, ledger=ledger))
        write_watch_file(tmp_path / "watch.json", simulator.world, time.time())
        with ExporterProcess(config) as exporter:
            server.run(str(database.database), "UPDATE shards SET commit_id = 'of another exporter'")
            assert exporter.wait(within=40) == 1
        assert any("another one worked on it meanwhile" in line for line in exporter.log)
        assert PASSWORD not in "".join(exporter.log)
        assert not any("Traceback" in line for line in exporter.log)
