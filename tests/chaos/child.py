"""`python -m tests.chaos.child PAGE serve …`: the exporter's own command; its clock, names and end are ours."""

import os
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.controls import Controls

HOST = "bkmonitor.test"
"""The name of this machine in this process, as long as names resolve."""

_resolve = socket.getaddrinfo


def main(page: Path, arguments: list[str]) -> None:
    """Run the exporter; nothing of it may be imported before the clock is the page's."""
    controls = Controls(page, time.time)
    time.time = controls.clock
    socket.getaddrinfo = partial(_looked_up, controls)
    from exporter.cli import main as exporter
    from tests.chaos.phases import PHASES

    for number, install in enumerate(PHASES.values(), start=1):
        install(partial(_die, controls, number))
    exporter(arguments, prog_name="bkmonitor-flow-exporter")


def _looked_up(controls: Controls, host: Any, *arguments: Any, **named: Any) -> Any:
    if host != HOST:
        return _resolve(host, *arguments, **named)
    if controls.names_fail:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return _resolve("127.0.0.1", *arguments, **named)


def _die(controls: Controls, phase: int) -> None:
    if controls.doom == phase:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
