"""`python -m tests.chaos [--seed N] [--hours H] [--faults a,b]`: an exporter lives through faults, and counts right.

Prints the seed and each day. Ends with 1 at the first promise that does not hold, and tells how to repeat it.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.campaign import DAY, FAULTS, plan, run
from tests.chaos.stage import Breach


def main(arguments: Sequence[str]) -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1000 % 1_000_000, help="(default: drawn)")
    parser.add_argument("--hours", type=float, help="of simulated time (default: as it takes for each fault once)")
    parser.add_argument("--faults", help="by name, with commas (default: all)")
    parser.add_argument("--list", action="store_true", help="print the faults, and end")
    given = parser.parse_args(arguments)
    if given.list:
        for fault in FAULTS.values():
            _tell(f"{fault.name:24} {fault.what}")
        return 0
    names = given.faults.split(",") if given.faults else list(FAULTS)
    if unknown := sorted(set(names).difference(FAULTS)):
        parser.error(f"no fault {', '.join(unknown)}; --list prints them")
    days = len(names) if given.hours is None else max(1, round(given.hours * 3600 / DAY))
    again = f"python -m tests.chaos --seed {given.seed} --hours {days * DAY / 3600:.2f}"
    again += f" --faults {given.faults}" if given.faults else ""
    _tell(again)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        run(plan(given.seed, [FAULTS[name] for name in names], days), folder, _tell)
    except Breach as breach:
        _tell(f"BREACH: {breach}\n\nits config, log and ledger: {folder}\nagain: {again}")
        return 1
    shutil.rmtree(folder)
    return 0


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
