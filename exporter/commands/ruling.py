"""rules: what Prometheus should record and alert on."""

from pathlib import Path

import click

from exporter.commands.options import config_file_option, fail, load
from exporter.rules import RUNBOOKS, rules_document


@click.command()
@config_file_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    show_default=True,
    metavar="FILE",
    help="Where to write them; - for standard output.",
)
@click.option(
    "--runbook-url",
    "runbooks",
    default=RUNBOOKS,
    show_default=True,
    metavar="URL",
    help="Where docs/runbooks is served.",
)
def rules(config_file: Path, output: Path, runbooks: str) -> None:
    """Print recording and alerting rules for the config's ack targets."""
    document = rules_document(load(config_file), runbooks)
    if str(output) == "-":
        click.echo(document, nl=False)
        return
    try:
        output.write_text(document, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}")
