"""The commands. Each wires rooms together, and tells its errors in one line and an exit code."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import NoReturn

import click

from exporter import __version__, logs
from exporter.config import ConfigError, Settings, json_schema, load_config
from exporter.demo import demo_source
from exporter.ledger import LedgerError
from exporter.online import Verdict, check_source, table
from exporter.service import Service, Stopper
from exporter.simulated_watch import watch_file_kept
from exporter.simulator import Simulator, SimulatorSettings
from exporter.web import ListenError, parse_address

Command = Callable[..., None]


class Address(click.ParamType[tuple[str, int]]):
    """An address to listen on, as host and port."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return host and port; fail with what would be right."""
        try:
            return parse_address(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _config_file(command: Command) -> Command:
    return click.option(
        "--config.file",
        "config_file",
        type=click.Path(path_type=Path),
        default="config.yaml",
        show_default=True,
        help="The config.",
    )(command)


def _serving(command: Command) -> Command:
    """Add the options of whatever serves /metrics and logs."""
    for option in (
        click.option(
            "--log.format",
            "log_format",
            type=click.Choice(logs.FORMATS),
            default="logfmt",
            show_default=True,
            help="How a line of the log is written.",
        ),
        click.option(
            "--log.level",
            "log_level",
            type=click.Choice(logs.LEVELS),
            default="info",
            show_default=True,
            help="The least severe events to log.",
        ),
        click.option(
            "--web.telemetry-path",
            "telemetry_path",
            default="/metrics",
            show_default=True,
            callback=_checked_path,
            help="Where the metrics are served.",
        ),
        click.option(
            "--web.listen-address",
            "address",
            type=Address(),
            default=":10845",
            show_default=True,
            help="Where to listen; without a host, on every interface.",
        ),
    ):
        command = option(command)
    return command


def _checked_path(_ctx: click.Context, _param: click.Parameter, path: str) -> str:
    if not path.startswith("/") or path.startswith("/-/") or not path.isprintable() or set(path) & set("<>?# "):
        raise click.BadParameter(f"expected a path such as /metrics, got {path!r}")
    return path


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bkmonitor-flow-exporter")
def main() -> None:
    """Prometheus exporter for the event flow records of BlueKing Monitor."""


@main.command()
@_config_file
@_serving
def serve(config_file: Path, address: tuple[str, int], telemetry_path: str, log_level: str, log_format: str) -> None:
    """Poll the configured sources and serve /metrics, until SIGTERM or SIGINT."""
    logs.set_up(log_level, log_format)
    stopper = _stopper()
    _serve(_load(config_file), stopper, address, telemetry_path)


@main.command()
@_serving
def demo(address: tuple[str, int], telemetry_path: str, log_level: str, log_format: str) -> None:
    """Run a simulated BlueKing and the exporter together: nothing to configure, nothing left behind."""
    logs.set_up(log_level, log_format)
    stopper = _stopper()
    with demo_source() as (simulator, settings):
        also = f"  the simulated BlueKing's truth  {simulator.url}/-/truth"
        _serve(settings, stopper, address, telemetry_path, also)


@main.command()
@_config_file
@click.option("--online", is_flag=True, help="Also ask each source: reachable, allowed, time zone, clock.")
def check(config_file: Path, online: bool) -> None:
    """Check the config and the files it names; asks no source unless --online."""
    settings = _load(config_file)
    click.echo(f"{config_file}: ok, {len(settings.sources)} source(s)")
    for source in settings.sources:
        click.echo(f"  {source.name}: {source.url}, {len(source.watch)} watch(es)")
    if online:
        _check_online(settings)


@main.command()
def schema() -> None:
    """Print the config's JSON Schema, for editors."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@main.command()
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
    _on_signal(stop.set)
    with ExitStack() as running:
        try:
            simulator = running.enter_context(Simulator(world, host=address[0], port=address[1]))
        except OSError as error:
            _fail(f"cannot listen on {address[0]}:{address[1]}: {error}")
        running.enter_context(watch_file_kept(watch_file, simulator.world, time.time) if watch_file else nullcontext())
        click.echo(f"simulated BlueKing at {simulator.url}, its truth at {simulator.url}/-/truth")
        click.echo(f"app_code {world.app_code}, app_secret {world.app_secret}, username {world.username}")
        stop.wait()


def _load(config_file: Path) -> Settings:
    try:
        return load_config(config_file, os.environ)
    except ConfigError as error:
        _fail(str(error), code=2)


def _check_online(settings: Settings) -> None:
    """Print what each source is like as soon as it is known; ends the process with 1 where a check failed."""
    failed = 0
    for source in settings.sources:
        click.echo(f"\n{source.name}")
        checks = check_source(source, settings.labels, now=time.time())
        for line in table(checks):
            click.echo(line)
        failed += sum(check.verdict is Verdict.FAILED for check in checks)
    click.echo()
    if failed:
        _fail(f"{failed} check(s) failed")
    click.echo("no check failed")


def _stopper() -> Stopper:
    """Take SIGTERM and SIGINT from now on: the start-up, too, is to end in order."""
    stopper = Stopper()
    _on_signal(stopper.stop)
    return stopper


def _serve(settings: Settings, stopper: Stopper, address: tuple[str, int], telemetry_path: str, also: str = "") -> None:
    host, port = address
    try:
        service = Service(settings, stopper, host=host, port=port, telemetry_path=telemetry_path)
    except (LedgerError, ListenError) as error:
        _fail(str(error))
    click.echo(f"  status page  {service.url}/\n  metrics      {service.url}{telemetry_path}", err=True)
    if also:
        click.echo(also, err=True)
    try:
        service.run()
    finally:
        service.close()


def _on_signal(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())


def _fail(message: str, code: int = 1) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)
