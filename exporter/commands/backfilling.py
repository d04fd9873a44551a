"""backfill: what happened in a range of time, as OpenMetrics that Prometheus can import."""

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from exporter import logs
from exporter.backfill import (
    ACCEPTED,
    LONGEST_STEP,
    Grid,
    History,
    OutputError,
    Progress,
    Query,
    SourceReading,
    Spool,
    SpoolError,
    Trouble,
    exposition,
    fingerprint,
    read_moment,
    replay,
    written,
)
from exporter.blueking import BlueKing, BlueKingError
from exporter.commands.options import chosen_sources, config_file_option, fail, load
from exporter.config import Settings, SourceSettings, format_duration, parse_duration
from exporter.config.labels import LABEL_NAME, RESERVED
from exporter.poller.label_sets import LabelSets
from exporter.poller.skew import TimezoneSkew
from exporter.service import bounds
from exporter.service.sources import ack_targets

_SHORTEST_STEP = 1.0
_NAMED = 20  # alerts that a message names, before it only tells how many there are
_HEAD = 3 * 3600.0
_STANDARD_SPOOL = "bkmonitor-flow-backfill"


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be done; `output` is None for standard output."""

    settings: Settings
    sources: tuple[SourceSettings, ...]
    step: float
    output: Path | None
    labels: Mapping[str, str]
    skips_missing: bool


def _step(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    try:
        step = parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not _SHORTEST_STEP <= step <= LONGEST_STEP:
        raise click.BadParameter(
            f"expected {format_duration(_SHORTEST_STEP)} to {format_duration(LONGEST_STEP)}, got {text}: "
            "Prometheus calls a series gone that had no sample for five minutes"
        )
    return step


def _labels(_ctx: click.Context, _param: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not value or not re.fullmatch(LABEL_NAME, name):
            raise click.BadParameter(f"expected NAME=VALUE, such as job=bkmonitor-flow, got {pair!r}")
        if name in RESERVED - {"job", "instance"}:
            raise click.BadParameter(f"{name} is a label of the exporter's own")
        labels[name] = value
    return labels


@click.command(name="backfill")
@config_file_option
@click.option("--from", "given_from", required=True, metavar="TIME", help="Where the range begins: " + ACCEPTED + ".")
@click.option("--to", "given_to", required=True, metavar="TIME", help="Where it ends, likewise.")
@click.option(
    "--step", default="1m", show_default=True, callback=_step, help="How far the samples are apart, up to 5m."
)
@click.option("--output", required=True, type=click.Path(path_type=Path, allow_dash=True), help="A file, or -.")
@click.option("--source", "names", multiple=True, help="Only this source; may be repeated.  [default: all]")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", callback=_labels, help="Add a label to all.")
@click.option("--skip-missing", is_flag=True, help="Write the output without the alerts whose log cannot be read.")
def backfill(
    config_file: Path,
    given_from: str,
    given_to: str,
    step: float,
    output: Path,
    names: tuple[str, ...],
    labels: dict[str, str],
    skip_missing: bool,
) -> None:
    """Write what happened in a range of time as OpenMetrics with timestamps.

    Asks the sources for the alerts that were open then, and for their logs, within the rate limit. What was answered is
    kept in a file beside the output until that is written: the same command goes on where an earlier one was stopped.
    """
    logs.set_up("warning", "logfmt")
    settings = load(config_file)
    now = time.time()
    start, end = _moment(given_from, now, "--from"), _moment(given_to, now, "--to")
    if start >= end:
        raise click.BadParameter(f"{given_to!r} is not after --from {given_from!r}", param_hint="--to")
    is_stdout = str(output) == "-"
    if not is_stdout and ((output.exists() and not output.is_file()) or not output.parent.is_dir()):
        raise click.BadParameter(f"{output}: expected a file in a directory that exists, or -", param_hint="--output")
    sources = chosen_sources(settings, names)
    query = Query((given_from, given_to), start, end, now, fingerprint(sources))
    task = _Task(settings, sources, step, None if is_stdout else output, labels, skip_missing)
    spool_path = Path(f"{_STANDARD_SPOOL if is_stdout else output}.part")
    try:
        with Spool(spool_path, query) as spool:
            _run(task, spool)
    except SpoolError as error:
        fail(str(error))


def _run(task: _Task, spool: Spool) -> None:
    """Read what is not read yet, then write; ends the process with 1 where that cannot be done."""
    begin, end = (
        datetime.fromtimestamp(at, UTC).astimezone().isoformat() for at in (spool.query.start, spool.query.end)
    )
    click.echo(f"{begin} to {end}{f', going on from {spool.path}' if spool.is_resumed else ''}", err=True)
    try:
        with _interruptible(), ExitStack() as closing:
            readings = [_reading(source, task.settings, spool, closing) for source in task.sources]
            _check_labels(task.labels, readings)
            _read(readings, task, spool)
            size = _write(readings, task, spool)
    except KeyboardInterrupt:
        spool.close()
        fail(f"stopped; the same command goes on from {spool.path}")
    except OutputError as error:
        spool.close()
        fail(f"{error}; what was read is kept in {spool.path}")
    spool.remove()
    click.echo(f"wrote {size} bytes to {task.output or 'standard output'}", err=True)


def _check_labels(labels: Mapping[str, str], readings: Sequence[SourceReading]) -> None:
    taken = sorted({name for reading in readings for name in reading.label_names()} & labels.keys())
    if taken:
        fail(f"--label: alerts have these labels already: {', '.join(taken)}", code=2)


def _read(readings: Sequence[SourceReading], task: _Task, spool: Spool) -> None:
    """Read all sources, also where one of them fails; ends the process with 1 where something is missing."""
    progress = Progress(time.monotonic)
    troubles: list[str] = []
    missing: list[str] = []
    for reading in readings:
        try:
            reading.search(progress)
            missing += _named(reading.name, reading.read_logs(progress))
        except Trouble as trouble:
            troubles.append(str(trouble))
    if missing:
        click.echo(f"{len(missing)} alert(s) cannot be read:", err=True)
        for line in missing[:_NAMED]:
            click.echo(f"  {line}", err=True)
        if len(missing) > _NAMED:
            click.echo(f"  and {len(missing) - _NAMED} more", err=True)
    if troubles or (missing and not task.skips_missing):
        spool.close()
        hint = "" if troubles else ", or with --skip-missing leaves them out"
        fail("\n".join([*troubles, f"nothing was written; the same command goes on from {spool.path}{hint}"]))


def _write(readings: Sequence[SourceReading], task: _Task, spool: Spool) -> int:
    settings, query = task.settings, spool.query
    targets = ack_targets(settings)
    history = History(Grid(query.start, query.end, task.step), bounds(settings.histograms, settings.ack_targets))
    label_sets = LabelSets(limit=settings.limits.label_sets)
    rejected: Counter[str] = Counter()
    for reading in readings:
        skew = TimezoneSkew(reading.name)
        rejected.update(reading.rejected)
        for known, log in reading.alerts(targets, label_sets):
            rejected.update(log.rejected)
            story = replay(known, log, grid=history.grid, read_at=query.asked_at, max_age=settings.poll.max_age)
            skew.add(story.known, query.asked_at)
            history.add(story)
    _say_what_is_left_out(history, rejected)
    if query.end > query.asked_at - _HEAD:
        click.echo("the range reaches into the last 3 hours: Prometheus may not take what is so young", err=True)
    return written(exposition(history, targets, task.labels), task.output)


def _say_what_is_left_out(history: History, rejected: Counter[str]) -> None:
    rejected.update(history.rejected)
    if rejected:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(rejected.items()))
        click.echo(f"rows that could not be read, and latencies that could not be told: {reasons}", err=True)
    if history.undated_acks:
        click.echo(f"acknowledged without a record, so at an unknown time: {history.undated_acks} alert(s)", err=True)
    if history.undated_ends:
        click.echo(f"ended at an unknown time: {history.undated_ends} alert(s)", err=True)


def _named(source: str, missing: Mapping[str, BlueKingError]) -> list[str]:
    return [f"{source} {alert_id}: {error}" for alert_id, error in sorted(missing.items())]


def _reading(source: SourceSettings, settings: Settings, spool: Spool, closing: ExitStack) -> SourceReading:
    client = BlueKing(source, observe=lambda _endpoint, _code, _seconds: None, now=time.time)
    closing.callback(client.close)
    jitter = random.Random().random  # noqa: S311 - spreads retries, guards no secret
    return SourceReading(source, settings.labels, spool, client, clock=time.monotonic, jitter=jitter)


def _moment(text: str, now: float, option: str) -> float:
    try:
        return read_moment(text, now)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have SIGTERM and SIGINT end the block as Ctrl-C does, also where a shell in the background has us ignore that."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
