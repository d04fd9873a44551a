"""`python -m tests.soak [--minutes N] [--seed N] [--page]`: lets an exporter work, and tells whether anything grows."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.page import PAGE, SAMPLES_HEAD, page, row, summary
from tests.soak.samples import Sample
from tests.soak.soak import Plan, soak
from tests.soak.verdict import findings


def main(arguments: Sequence[str]) -> int:
    """Soak; return 1 where a bound is missed or a metric is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="the same makes the same alerts (default: %(default)s)")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}")
    given = parser.parse_args(arguments)
    _tell(SAMPLES_HEAD)
    with TemporaryDirectory(prefix="soak-") as folder:
        soaked = soak(Path(folder), Plan(seconds=60 * given.minutes, seed=given.seed), _tell_sample)
    for line in summary(soaked):
        _tell(line)
    if given.page:
        PAGE.write_text(page(soaked, given.seed), encoding="utf-8")
        _tell(f"written: {PAGE}")
    return int(bool(soaked.wrong) or not all(finding.is_met for finding in findings(soaked.samples)))


def _tell_sample(sample: Sample) -> None:
    _tell(row(sample))


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
