"""simulate: a BlueKing look-alike, alone."""

import threading
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path

import click

from exporter.commands.options import Address, fail, on_signal
from exporter.simulated_watch import watch_file_kept
from exporter.simulator import Simulator, SimulatorSettings


@click.command()
@click.option("--web.listen-address", "address", type=Address(), default="127.0.0.1:10846", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same world.")
@click.option("--dialect", type=click.Choice(["documented", "today"]), default="today", show_default=True)
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--alerts-per-hour", type=click.FloatRange(min=0), default=60.0, show_default=True)
@click.option("--history", type=click.FloatRange(min=0), default=3600.0, show_default=True, help="In seconds.")
@click.option("--watch-file", type=click.Path(path_type=Path), help="Keep a file that lists the alerts, to watch.")
def simulate(
    address: tuple[str, int],
    seed: int,
    dialect: str,
    speed: float,
    alerts_per_hour: float,
    history: float,
    watch_file: Path | None,
) -> None:
    """Run a simulated BlueKing alone, until SIGTERM or SIGINT."""
    world = SimulatorSettings(
        seed=seed,
        dialect="documented" if dialect == "documented" else "today",
        epoch=time.time(),
        history=history,
        alerts_per_hour=alerts_per_hour,
        speed=speed,
    )
    stop = threading.Event()
    on_signal(stop.set)
    with ExitStack() as running:
        try:
            simulator = running.enter_context(Simulator(world, host=address[0], port=address[1]))
        except OSError as error:
            fail(f"cannot listen on {address[0]}:{address[1]}: {error}")
        running.enter_context(watch_file_kept(watch_file, simulator.world, time.time) if watch_file else nullcontext())
        click.echo(f"simulated BlueKing at {simulator.url}, its truth at {simulator.url}/-/truth")
        click.echo(f"app_code {world.app_code}, app_secret {world.app_secret}, username {world.username}")
        stop.wait()
