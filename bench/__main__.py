"""Runs every benchmark and prints what it compares; the ratio is what counts, the times are this machine's."""

import click

from bench import ledger_batches, poll_throughput, scrape, upstream_cost

click.echo("| work | ours | the other way | ratio |\n|---|---|---|---|")
for benchmark in (ledger_batches, scrape, poll_throughput):
    click.echo(benchmark.run().line())
click.echo()
for line in upstream_cost.run():
    click.echo(line)
