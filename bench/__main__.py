"""Runs the benchmarks, each in a process of its own; all of them write docs/benchmarks.md, a named one only prints."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from bench.page import PAGE, Result, page, row
from bench.single import read_results
from bench.timing import Comparison

BENCHMARKS = (
    "scrape",
    "change",
    "scrape_under_load",
    "cycle",
    "memory",
    "restart",
    "poll_throughput",
    "ledger_batches",
    "upstream_cost",
    "others_query_exporter",
    "others_go",
)
_WITHIN = 600.0
_STOP_WITHIN = 30.0


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(BENCHMARKS))
def main(names: Sequence[str]) -> None:
    """Run the benchmarks NAMES and print what they compare; without NAMES all of them, into docs/benchmarks.md.

    Exit code 1 where one failed or a ratio is not as asked.
    """
    results = [_result(name) for name in names or BENCHMARKS]
    if not names:
        PAGE.write_text(page(results), encoding="utf-8")
        click.echo(f"written: {PAGE}")
    failed = [result.name for result in results if result.trouble]
    missed = [each.name for result in results for each in result.comparisons if not each.is_met]
    for trouble, which in (("failed", failed), ("not as asked", missed)):
        if which:
            click.echo(f"{trouble}: {'; '.join(which)}", err=True)
    sys.exit(1 if failed or missed else 0)


def _result(name: str) -> Result:
    click.echo(f"{name} ...", err=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            comparisons, trouble = _run(name, Path(folder, "results.json")), ""
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            comparisons, trouble = [], _told(error)
            click.echo(f"{name}: {trouble}", err=True)
    for comparison in comparisons:
        click.echo(row(comparison))
        for note in comparison.notes:
            click.echo(f"  {note}")
    return Result(name, tuple(comparisons), trouble)


def _run(name: str, results: Path) -> list[Comparison]:
    """Return what it compared; its traceback and whatever else it prints goes to stderr."""
    command = [sys.executable, "-m", "bench.single", name, str(results)]
    # In a session of its own, so that whatever it started ends with it.
    with subprocess.Popen(command, stdout=sys.stderr, start_new_session=True) as process:  # noqa: S603 - our own module
        try:
            code = process.wait(_WITHIN)
        finally:
            _end(process)
    if code:
        raise subprocess.CalledProcessError(code, name)
    return read_results(results)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it as Ctrl-C would, so that it can end its servers; then by force what is left of it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_WITHIN)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _told(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"did not end within {_WITHIN / 60:.0f} minutes"
    return f"failed with exit code {error.returncode}; its error stands above"


if __name__ == "__main__":
    main()
