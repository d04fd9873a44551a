"""serve and demo: the exporter at work."""

import ctypes
import gc
import os
import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import click

from exporter import logs
from exporter.commands.options import Address, Command, config_file_option, fail, load, on_signal
from exporter.config import ConfigError, Settings, load_config
from exporter.ledger import LedgerError, LedgerTaken
from exporter.service import Reloader, Service, Stopper
from exporter.web import ListenError, WebConfig, parse_telemetry_path

_M_ARENA_MAX = -8  # of glibc's malloc.h
_HEAPS = 2


def _checked_path(_ctx: click.Context, _param: click.Parameter, path: str) -> str:
    try:
        return parse_telemetry_path(path)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _read_web_config(_ctx: click.Context, _param: click.Parameter, path: Path | None) -> WebConfig | None:
    try:
        return None if path is None else WebConfig(path)
    except ConfigError as error:
        fail(str(error), code=2)


_OPTIONS = (
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
        "--web.config.file",
        "web_config",
        type=click.Path(path_type=Path),
        callback=_read_web_config,
        help="TLS, users and headers of this server, in the format of the Prometheus exporter-toolkit.",
    ),
    click.option(
        "--web.listen-address",
        "address",
        type=Address(),
        default=":10845",
        show_default=True,
        help="Where to listen; without a host, on every interface.",
    ),
)


def _serving(command: Command) -> Command:
    """Add the options of whatever serves /metrics and logs."""
    for option in _OPTIONS:
        command = option(command)
    return command


@click.command()
@config_file_option
@_serving
@click.option(
    "--web.enable-lifecycle",
    "lifecycle",
    is_flag=True,
    help="Reload the config at POST /-/reload, too; SIGHUP always does.",
)
def serve(
    config_file: Path,
    address: tuple[str, int],
    telemetry_path: str,
    web_config: WebConfig | None,
    log_level: str,
    log_format: str,
    lifecycle: bool,
) -> None:
    """Poll the configured sources and serve /metrics, until SIGTERM or SIGINT; SIGHUP reloads the config."""
    logs.set_up(log_level, log_format)
    stopper = _stopper()
    reloader = Reloader(partial(load_config, config_file, os.environ), over_http=lifecycle)
    signal.signal(signal.SIGHUP, lambda _number, _frame: reloader.request())
    try:
        _serve(load(config_file), stopper, address, telemetry_path, web_config, log_format, reloader=reloader)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the interpreter's own end would restore what kills


@click.command()
@_serving
def demo(
    address: tuple[str, int], telemetry_path: str, web_config: WebConfig | None, log_level: str, log_format: str
) -> None:
    """Run a simulated BlueKing and the exporter together: nothing to configure, nothing left behind."""
    from exporter.demo import demo_source  # `serve` needs no simulator

    logs.set_up(log_level, log_format)
    stopper = _stopper()
    with demo_source() as (simulator, settings):
        also = f"  the simulated BlueKing's truth  {simulator.url}/-/truth"
        _serve(settings, stopper, address, telemetry_path, web_config, log_format, also=(also,))


def _stopper() -> Stopper:
    """Take SIGTERM and SIGINT from now on: the start-up, too, is to end in order."""
    stopper = Stopper()
    on_signal(stopper.stop)
    return stopper


def _serve(
    settings: Settings,
    stopper: Stopper,
    address: tuple[str, int],
    telemetry_path: str,
    web_config: WebConfig | None,
    log_format: str,
    *,
    reloader: Reloader | None = None,
    also: Iterable[str] = (),
) -> None:
    host, port = address
    _share_heaps()
    gc.disable()  # what a start makes stays: the collector would look through all of it again and again
    try:
        service = Service(
            settings,
            stopper,
            host=host,
            port=port,
            telemetry_path=telemetry_path,
            reloader=reloader,
            web_config=web_config,
        )
    except (LedgerError, ListenError) as error:
        fail(str(error))
    finally:
        gc.freeze()  # nor need it look there later
        gc.enable()
    if log_format != "json":  # there every line is an object
        pages = (f"  status page  {service.url}/", f"  metrics      {service.url}{telemetry_path}")
        click.echo("\n".join((*pages, *also)), err=True)
    try:
        service.run()
    except LedgerTaken as error:
        fail(str(error))
    finally:
        service.close()


def _share_heaps() -> None:
    """Have all threads share a few heaps, where the C library is glibc.

    By itself it gives nearly each thread one of its own, and each keeps as much as its thread ever needed at once: that
    adds up for an hour. Nobody waits for the others, because Python runs one thread at a time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _HEAPS)
