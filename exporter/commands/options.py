"""What commands share: options, the config, signals, and how they fail."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from exporter.config import ConfigError, Settings, load_config
from exporter.web import parse_address

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


def config_file_option(command: Command) -> Command:
    """Add the option that names the config."""
    return click.option(
        "--config.file",
        "config_file",
        type=click.Path(path_type=Path),
        default="config.yaml",
        show_default=True,
        help="The config.",
    )(command)


def load(config_file: Path) -> Settings:
    """Return the settings; end the process with 2 and all that is wrong with the config where there are none."""
    try:
        return load_config(config_file, os.environ)
    except ConfigError as error:
        fail(str(error), code=2)


def on_signal(stop: Callable[[], None]) -> None:
    """Have SIGTERM and SIGINT call `stop`."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())


def fail(message: str, code: int = 1) -> NoReturn:
    """Say why, and end the process with `code`."""
    click.echo(message, err=True)
    sys.exit(code)
