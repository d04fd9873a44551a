"""The table of checks, for a terminal."""

from collections.abc import Iterable, Iterator

import click

from exporter.online.checks import Check, Verdict

_COLOURS = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.FAILED: "red",
    Verdict.NOT_CHECKED: "bright_black",
}
_NAME_WIDTH = len("get_event_log")
_VERDICT_WIDTH = max(map(len, Verdict))


def table(checks: Iterable[Check]) -> Iterator[str]:
    """Yield a line for each check, name, verdict and finding in columns, and under it a line for each advice.

    Nothing is wrapped. Verdicts are coloured; `click.echo` takes that out where there is no terminal.
    """
    for check in checks:
        verdict = click.style(f"{check.verdict:<{_VERDICT_WIDTH}}", fg=_COLOURS[check.verdict])
        yield f"  {check.name:<{_NAME_WIDTH}}  {verdict}  {check.found}"
        for advice in check.advice:
            yield f"  {'':<{_NAME_WIDTH}}  {'':<{_VERDICT_WIDTH}}  {advice}"
