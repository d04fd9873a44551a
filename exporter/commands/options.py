"""What commands share: options, the config, signals, and how they fail."""

import os
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NoReturn

import click

from exporter.config import ConfigError, Settings, SourceSettings, load_config

Command = Callable[..., None]


class Address(click.ParamType[tuple[str, int]]):
    """An address to listen on, as host and port."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return host and port; fail with what would be right."""
        from exporter.web import parse_address  # only who listens needs all that comes with it

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


def chosen_sources(settings: Settings, names: Collection[str]) -> tuple[SourceSettings, ...]:
    """Return the sources of these names in the order of the config, all where there are no names.

    Raises click.BadParameter of `--source` for a name that the config does not have.
    """
    known = [source.name for source in settings.sources]
    for name in names:
        if name not in known:
            raise click.BadParameter(
                f"the config has no source {name!r}; it has {', '.join(known)}", param_hint="--source"
            )
    return tuple(source for source in settings.sources if not names or source.name in names)


def on_signal(stop: Callable[[], None]) -> None:
    """Have SIGTERM and SIGINT call `stop`."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())


def fail(message: str, code: int = 1) -> NoReturn:
    """Say why, and end the process with `code`."""
    click.echo(message, err=True)
    sys.exit(code)
