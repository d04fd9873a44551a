"""Our exporter as a release has it: with the locked packages that it runs with and no others, and with byte code."""

import time
from pathlib import Path

from tools.release import TOP, build
from tools.release import install as install_wheel


def install(folder: Path) -> tuple[str, ...]:
    """Install it into a new virtual environment in a folder, made where there is none; return how `serve` begins there.

    What only tests need would be measured as well: structlog imports rich where it finds it, a tenth of a second.
    """
    environment, built = folder / "environment", folder / "built"
    built.mkdir(parents=True)
    command = install_wheel(build(TOP, built, f"{time.time():.0f}").wheel, environment)
    # Isolated from a PYTHONPATH, where another copy of it may stand.
    return str(environment / "bin" / "python"), "-I", str(command), "serve", "--log.level=error"
