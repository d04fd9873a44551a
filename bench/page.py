"""The page docs/benchmarks.md: one table of all comparisons, on which machine, how to repeat it, where others win."""

import os
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.timing import Comparison
from exporter import __version__

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

<!-- Written by `make bench`. Change bench/page.py instead. -->

Each row is one work done in two ways, in turn, in one run. The ratio is ours by the other's, and it is what counts: the
times are those of one machine, which did other things as well.
"""
_REPEAT = """\
## How to repeat it

```
make bench                    # all of them, into this page
make bench BENCH=others_go    # one of them, printed only
```

A benchmark is a module of `bench/` and runs in a process of its own. Where one fails, the others go on and the exit
code is 1, as it is where a ratio is not as asked. `memory` and `restart` install the exporter as a release has it, and
`others_query_exporter` query-exporter from PyPI, into environments that are gone afterwards; `others_go` needs Debian's
`prometheus-node-exporter` and `prometheus-pushgateway`, and as root installs them.
"""
_OTHERS = """\
## How the others were set up

Ours is `serve` in front of `simulate`, with about 10,000 series, nearly all of them of open alerts. The others get what
it serves: query-exporter as rows of an SQLite file, one query for each metric; node_exporter as a file for its textfile
collector, with all other collectors off; pushgateway in one push. One client scrapes all of them in turn, over HTTP on
127.0.0.1. query-exporter does not compress.
"""
_WHY = """\
Why:

- **A poll** of query-exporter is a `SELECT` on a local file. Ours asks over HTTP, reads JSON, and commits what it
  learned, so that counters survive a kill. Where the values stand in a database already, query-exporter is less work.
- **Memory:** ours keeps what is known of each alert, and bodies ready to be sent. The others keep numbers and labels.
- **Rendering** is moved, not saved: ours renders what changed beside the polls, whether somebody scrapes or not. No
  scrape waits for it; but where much changes and scrapes are rare, rendering at each scrape can be less work.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark compared; where it failed, `trouble` tells so."""

    name: str
    comparisons: tuple[Comparison, ...]
    trouble: str


def page(results: Sequence[Result]) -> str:
    """Return the whole page."""
    comparisons = [each for result in results for each in result.comparisons]
    parts = (_HEAD, _table(results), _notes(comparisons), _machine(), _REPEAT, _OTHERS, *_where_others_win(results))
    return "\n".join(part for part in parts if part)


def row(comparison: Comparison) -> str:
    """Return its row of the table: what, ours, the other, the ratio, what is asked of it."""
    asked = "" if comparison.asked is None else f"{comparison.asked}{'' if comparison.is_met else ' **missed**'}"
    return f"| {comparison.name} | {comparison.ours} | {comparison.other} | {comparison.ratio:.3g} | {asked} |"


def _table(results: Iterable[Result]) -> str:
    lines = ["| what | ours | the other | ratio | asked |", "|---|---|---|---|---|"]
    for result in results:
        lines += [row(each) for each in result.comparisons]
        if result.trouble:
            lines.append(f"| {result.name}: {result.trouble.partition(';')[0]} | | | | |")
    return "\n".join(lines) + "\n"


def _notes(comparisons: Iterable[Comparison]) -> str:
    lines = [f"- {each.name}: {' '.join(each.notes)}" for each in comparisons if each.notes]
    return "\n".join(["To single rows:\n", *lines, ""]) if lines else ""


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("prometheus-client", "requests", "sqlalchemy"))
    facts = (
        f"{datetime.now(UTC):%Y-%m-%d}, version {__version__}",
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()} {_kernel()}",
        f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries}",
        f"load average at the end: {os.getloadavg()[2]:.1f} over 15 minutes",
    )
    return "\n".join(("## The machine\n", *(f"- {fact}" for fact in facts), ""))


def _kernel() -> str:
    return ".".join(platform.release().split(".")[:2])


def _where_others_win(results: Iterable[Result]) -> Iterator[str]:
    others = [each for result in results if result.name.startswith("others_") for each in result.comparisons]
    won = [f"- {each.name}: {each.ours}, {each.other}" for each in others if not each.is_ours_better]
    if won:
        yield "## Where others win\n"
        yield "\n".join(won) + "\n"
        yield _WHY
