"""Our exporter as the image has it: with the locked packages that it runs with and no others, and with byte code."""

import subprocess
import sys
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]
_LOCK = _PROJECT / "requirements" / "run.lock"
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def install(environment: Path) -> tuple[str, ...]:
    """Install it into a new virtual environment; return how `serve` begins there.

    What only tests need would be measured as well: structlog imports rich where it finds it, a tenth of a second.
    """
    binaries, wheels = environment / "bin", environment / "wheels"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    _run(*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, _PROJECT)
    into = (*_PIP, "--python", binaries / "python", "install", "--no-compile")
    _run(*into, "--require-hashes", "--requirement", _LOCK)
    _run(*into, "--no-deps", *wheels.iterdir())
    _run(binaries / "python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", environment / "lib")
    # Isolated from a PYTHONPATH, where another copy of it may stand.
    return str(binaries / "python"), "-I", str(binaries / "bkmonitor-flow-exporter"), "serve", "--log.level=error"


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - our own interpreter, and locked packages
