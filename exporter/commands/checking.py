"""check and schema: what is right and what is wrong with a config."""

import json
import time
from pathlib import Path

import click

from exporter.commands.options import config_file_option, fail, load
from exporter.config import Settings, json_schema


@click.command()
@config_file_option
@click.option("--online", is_flag=True, help="Also ask each source: reachable, allowed, time zone, clock.")
def check(config_file: Path, online: bool) -> None:
    """Check the config and the files it names; asks no source unless --online."""
    settings = load(config_file)
    click.echo(f"{config_file}: ok, {len(settings.sources)} source(s)")
    for source in settings.sources:
        click.echo(f"  {source.name}: {source.url}, {len(source.watch)} watch(es)")
    if online:
        _check_online(settings)


@click.command()
def schema() -> None:
    """Print the config's JSON Schema, for editors."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _check_online(settings: Settings) -> None:
    """Print what each source is like as soon as it is known; ends the process with 1 where a check failed."""
    from exporter.online import Verdict, check_source, table  # whoever checks offline needs no HTTP

    failed = 0
    for source in settings.sources:
        click.echo(f"\n{source.name}")
        checks = check_source(source, settings.label_names, now=time.time())
        for line in table(checks):
            click.echo(line)
        failed += sum(check.verdict is Verdict.FAILED for check in checks)
    click.echo()
    if failed:
        fail(f"{failed} check(s) failed")
    click.echo("no check failed")
