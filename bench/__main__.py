"""Runs every benchmark and prints one table; the ratio is what counts, the times are this machine's."""

import click

from bench import ledger_batches, scrape

click.echo("| work | ours | the other way | ratio |\n|---|---|---|---|")
for benchmark in (ledger_batches, scrape):
    click.echo(benchmark.run().line())
