"""`python -m tests.fuzz [--seconds N] [--blind] [NAME ...]`: each harness under atheris; what it finds is kept.

Needs atheris, which there is for Linux on x86-64. libFuzzer ends its process, so each harness has one of its own.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

_TOP = Path(__file__).parents[2]
_NAMES = sorted(path.name for path in (Path(__file__).parent / "corpus").iterdir())
_LONGEST = 20  # seconds for one input: what takes longer hangs
_MOST_MEMORY = 2048  # MiB


def main(arguments: Sequence[str]) -> int:
    """Run harnesses one after the other; return 1 where one found something, 2 where atheris is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each harness (default: %(default)s)")
    parser.add_argument("--blind", action="store_true", help="by chance, not by coverage: many more a second")
    parser.add_argument("--inside", choices=_NAMES, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_NAMES)}; all unless told")
    given = parser.parse_args(arguments)
    if given.inside:
        _fuzz(given.inside, given.seconds)
    if unknown := set(given.names).difference(_NAMES):
        parser.error(f"no harness {', '.join(sorted(unknown))}; there are {', '.join(_NAMES)}")
    if given.blind:
        return _fuzz_blindly(given.names or _NAMES, given.seconds)
    if find_spec("atheris") is None:
        print("atheris is not installed: it is made for Linux on x86-64 alone", file=sys.stderr)  # noqa: T201
        return 2
    return max([_run(name, given.seconds) for name in given.names or _NAMES])


def _fuzz_blindly(names: Sequence[str], seconds: int) -> int:
    from tests.fuzz.blind import fuzz_blindly  # not before atheris has had its way with what that imports
    from tests.fuzz.harnesses import CORPUS, HARNESSES

    for name in names:
        seed = time.time_ns()
        print(f"{name}: {seconds} s, seed {seed}", flush=True)  # noqa: T201
        passed = fuzz_blindly(HARNESSES[name], CORPUS / name, seconds=seconds, seed=seed)
        print(f"{name}: {passed:,} inputs passed", flush=True)  # noqa: T201
    return 0


def _run(name: str, seconds: int) -> int:
    print(f"{name}: {seconds} s", flush=True)  # noqa: T201
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(seconds), "--inside", name]
    return int(subprocess.run(command, cwd=_TOP, check=False).returncode != 0)


def _fuzz(name: str, seconds: int) -> None:
    """Hand a harness to libFuzzer, which ends the process: with 0 where nothing was found."""
    import atheris

    with atheris.instrument_imports(include=["exporter"]):
        from tests.fuzz.harnesses import HARNESSES, corpus

    folder = corpus(name)[0].parent
    with TemporaryDirectory() as grown:
        limits = [f"-max_total_time={seconds}", f"-timeout={_LONGEST}", f"-rss_limit_mb={_MOST_MEMORY}"]
        atheris.Setup(
            [sys.argv[0], *limits, f"-artifact_prefix={folder}/found-", "-print_final_stats=1", grown, str(folder)],
            HARNESSES[name],
        )
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
