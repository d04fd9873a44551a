"""Servers as child processes: started, measured by /proc, ended with their block."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.timing import Quantity

_READY_WITHIN = 300.0
_STOP_WITHIN = 15.0
_LAST_CHARACTERS = 1000
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Server:
    """A running server, by its process and its address."""

    def __init__(self, address: str, process: subprocess.Popen[bytes]) -> None:
        self.address = address
        self._process = process

    @property
    def url(self) -> str:
        """Where its pages begin, without a trailing slash."""
        return f"http://{self.address}"

    def cpu(self) -> float:
        """Return the seconds of CPU that its process has used, in user and system mode."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident(self) -> Quantity:
        """Return its resident memory."""
        return Quantity(int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE, "bytes")

    def is_running(self) -> bool:
        """Tell whether its process has not ended."""
        return self._process.poll() is None


def free_address() -> str:
    """Return an address of 127.0.0.1 with a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def metrics_of(server: Server) -> str:
    """Return what a scrape gets in text format 0.0.4; raises requests.RequestException where there is nothing."""
    answer = requests.get(f"{server.url}/metrics", headers={"Accept": "text/plain;version=0.0.4"}, timeout=10)
    answer.raise_for_status()
    return answer.text


def serves_flow(server: Server) -> bool:
    """Tell whether a scrape gets the flow metrics of alerts."""
    return "\nbkmonitor_flow_records_total{" in metrics_of(server)


@contextmanager
def running(command: Sequence[str], address: str, folder: Path, is_ready: Callable[[Server], bool]) -> Iterator[Server]:
    """Give the server once `is_ready` says so, which may raise requests.RequestException; it ends with the block.

    It runs in `folder` and logs there. Raises RuntimeError, with the end of its log, where it ends or takes too long.
    """
    log = folder / f"{Path(command[0]).name}-{address.rpartition(':')[2]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)  # noqa: S603 - no shell
    try:
        server = Server(address, process)
        _await(server, is_ready, log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(server: Server, is_ready: Callable[[Server], bool], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while not _answers(server, is_ready):
        if not server.is_running() or time.monotonic() > deadline:
            last = log.read_text(errors="replace")[-_LAST_CHARACTERS:]
            raise RuntimeError(
                f"{log.stem} ended, or is not ready after {_READY_WITHIN:.0f} s; its last words:\n{last}"
            )
        time.sleep(0.5)


def _answers(server: Server, is_ready: Callable[[Server], bool]) -> bool:
    try:
        return is_ready(server)
    except requests.RequestException:
        return False
