"""ledger: moving it to another database, and looking whether it is sound."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy import make_url

from exporter import logs
from exporter.commands.options import config_file_option, fail, load
from exporter.config import Settings
from exporter.ledger import LedgerError
from exporter.ledger.integrity import check_ledger
from exporter.ledger.transfer import export_ledger, import_ledger
from exporter.service import bounds

_STANDARD_STREAM = Path("-")
_GZIP = ".gz"


@click.group()
def ledger() -> None:
    """Check a ledger, and move it to another database."""
    logs.set_up("warning", "logfmt")


@ledger.command(name="check")
@config_file_option
def check(config_file: Path) -> None:
    """Look whether the ledger is sound: its file, its tables, and what each row tells.

    Reads it beside a running exporter, without touching it. Ends with 1 where something is wrong.
    """
    settings = load(config_file)
    try:
        report = check_ledger(settings.ledger.url, bounds(settings.histograms, settings.ack_targets))
    except LedgerError as error:
        fail(str(error))
    if report is None:
        fail(_nothing_at(settings))
    for note in report.notes:
        click.echo(f"note: {note}")
    if report.findings:
        more = [f"and {report.left_out} more"] if report.left_out else []
        fail("\n".join([*report.findings, *more]))
    click.echo(f"{_where(settings)}: sound; {_told(report.counts)}")


@ledger.command(name="export")
@config_file_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    default="-",
    help="A file, packed where its name ends in .gz.  [default: standard output]",
)
def export(config_file: Path, output: Path) -> None:
    """Write the whole ledger as lines of text, which `ledger import` reads.

    Reads it as of one moment, beside a running exporter or without one.
    """
    settings = load(config_file)
    try:
        counts = _to_standard_output(settings) if output == _STANDARD_STREAM else _to_file(settings, output)
    except LedgerError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}")
    if counts is None:
        fail(_nothing_at(settings))
    click.echo(f"exported {_told(counts)}", err=True)


@ledger.command(name="import")
@config_file_option
@click.option(
    "--input",
    "source",
    type=click.Path(path_type=Path, allow_dash=True, exists=True, dir_okay=False),
    required=True,
    help="A file that `ledger export` wrote, packed where its name ends in .gz, or - for standard input.",
)
def import_(config_file: Path, source: Path) -> None:
    """Fill the ledger, which must be empty, with what `ledger export` wrote.

    All or nothing: no exporter may run on that ledger, and nothing is overwritten.
    """
    settings = load(config_file)
    try:
        with _opened(source) as file:
            is_packed = source.suffix == _GZIP
            counts = import_ledger(settings.ledger.url, file, str(source), compressed=is_packed, shards=settings.shards)
    except LedgerError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot read {source}: {error.strerror}")
    click.echo(f"imported {_told(counts)}", err=True)


def _opened(source: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if source == _STANDARD_STREAM else source.open("rb")


def _to_file(settings: Settings, output: Path) -> Mapping[str, int] | None:
    """Export to a file, which takes its place in one step when it is whole."""
    partial = output.with_name(f"{output.name}.tmp")
    try:
        with partial.open("wb") as file:
            counts = export_ledger(settings.ledger.url, file, compressed=output.suffix == _GZIP)
            file.flush()
            os.fsync(file.fileno())
        if counts is not None:
            partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return counts


def _to_standard_output(settings: Settings) -> Mapping[str, int] | None:
    # By way of a file: where an exporter starts or ends meanwhile, the ledger is read again from its beginning.
    with tempfile.TemporaryFile() as file:
        counts = export_ledger(settings.ledger.url, file, compressed=False)
        file.seek(0)
        output = sys.stdout.buffer
        shutil.copyfileobj(file, output)
        output.flush()
    return counts


def _where(settings: Settings) -> str:
    return make_url(settings.ledger.url).render_as_string()


def _nothing_at(settings: Settings) -> str:
    return f"{_where(settings)}: there is no ledger; see ledger.url, which is relative to the working directory"


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())
