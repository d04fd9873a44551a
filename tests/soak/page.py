"""What a soak comes to, for the reader: docs/soak.md, and what is printed of it meanwhile."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from exporter import __version__
from tests.soak.deployments import ALERTS_PER_HOUR, LONGEST_LIFE, RETENTION, SPEED
from tests.soak.samples import Sample
from tests.soak.soak import Soaked
from tests.soak.verdict import Finding, findings

PAGE = Path(__file__).parents[2] / "docs" / "soak.md"

SAMPLES_HEAD = """\
| minute | memory, MiB | descriptors | threads | ledger, MiB | its log, MiB | alerts in it | series | open alerts |
|---|---|---|---|---|---|---|---|---|"""
_FINDINGS_HEAD = """\
| what | first third | last third | at most | because |
|---|---|---|---|---|"""
_INTRODUCTION = f"""\
# A soak

<!-- Written by `make soak`. Change tests/soak/page.py instead. -->

The exporter at work on two simulated BlueKings whose alerts live {SPEED} times as fast as real ones, polled as much
faster: one watched by fixed ids and a watch file, the other by a search, {ALERTS_PER_HOUR:,.0f} new alerts an hour
each. Alerts are born, acknowledged, end within {LONGEST_LIFE} seconds, and are forgotten after {RETENTION}. Meanwhile
it is scraped in every form, with and without `name[]`, over a kept and over new connections; pages and API are read;
every minute a config with a fault is refused, and another one comes into force by HTTP or SIGHUP.
"""
_FINDINGS = """\
## What must hold

The first quarter is the warm-up. Medians of the first and the last third of the rest are compared; `make soak` ends
with 1 where a bound is missed, any answer is an error, or any flow metric is not what the simulators know to be true.
The bound of memory is 0.8 kB for each alert that is born between the two.
"""
_REPEAT = """\
## How to repeat it

```
make soak                    # 30 minutes, into this page
make soak SOAK_MINUTES=5     # printed only
make soak SOAK_SEED=2        # other alerts
```

Shorter ones than some ten minutes may miss the bounds: until alerts are forgotten as fast as they are born, all grows.
"""
_MIB = 1 << 20
_ROWS = 15


def page(soaked: Soaked, seed: int) -> str:
    """Return the whole page."""
    return "\n".join(
        (
            _INTRODUCTION,
            *(SAMPLES_HEAD, *map(row, _chosen(soaked.samples)), ""),
            f"{_outcome(soaked)}\n",
            _FINDINGS,
            *(_FINDINGS_HEAD, *map(_finding_row, findings(soaked.samples)), ""),
            *_machine(seed),
            _REPEAT,
        )
    )


def summary(soaked: Soaked) -> Iterator[str]:
    """Yield what came of it in lines: the findings, the demands, and each metric that is wrong: told, and true."""
    yield _FINDINGS_HEAD
    yield from map(_finding_row, findings(soaked.samples))
    yield _outcome(soaked)
    yield from (f"wrong: {name}: {told}, should be {true}" for name, (told, true) in soaked.wrong.items())


def row(sample: Sample) -> str:
    """Return a sample as a row of the table under `SAMPLES_HEAD`."""
    sizes = (f"{size / _MIB:.1f}" for size in (sample.file, sample.log))
    counts = (sample.remembered, sample.series, sample.open_alerts)
    cells = (
        f"{sample.seconds / 60:.1f}",
        f"{sample.resident / _MIB:.1f}",
        *(sample.descriptors, sample.threads),
        *sizes,
        *(f"{count:,}" for count in counts),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _chosen(samples: Sequence[Sample]) -> list[Sample]:
    """Return some of many samples, evenly, with the first and the last."""
    step = max(1, (len(samples) - 1) // _ROWS)
    return [*samples[:-1:step], samples[-1]]


def _finding_row(finding: Finding) -> str:
    bound, most = finding.bound, finding.bound.most(finding.first)
    missed = "" if finding.is_met else " **missed**"
    return f"| {bound.what} | {finding.first:.4g} | {finding.last:.4g} | {most:.4g}{missed} | {bound.why} |"


def _outcome(soaked: Soaked) -> str:
    demands = f"{soaked.lived:,} alerts, {soaked.answers:,} answers without an error, {soaked.reloads} reloads"
    truth = f"{len(soaked.wrong)} metrics are not" if soaked.wrong else "every flow metric is"
    return f"{demands}; in the end {truth} what the simulators know to be true."


def _machine(seed: int) -> Iterator[str]:
    yield f"{datetime.now(UTC):%Y-%m-%d}, version {__version__}, seed {seed}; {os.cpu_count()} cores shared with others"
    yield f"({platform.machine()}), {platform.python_implementation()} {platform.python_version()}, {_libc()}."
    yield ""


def _libc() -> str:
    return " ".join(platform.libc_ver())
