"""Runs the example stack without Docker, all but Grafana: `python -m tools.stack`.

Simulator, exporter, Alertmanager and Prometheus are child processes on loopback, with the configs in stack/; all end
with this process, or with the first of them that ends.
"""

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import requests

from exporter.config import load_config
from exporter.rules import rules_document

STACK = Path(__file__).parents[1] / "stack"
WORLD = ("--dialect=documented", "--speed=6", "--alerts-per-hour=180")
"""The simulated world: a new alert every 20 seconds, lives six times as fast as real ones."""
PORTS = {"simulator": 10846, "exporter": 10845, "alertmanager": 9093, "prometheus": 9090}
"""Each service's own port, as in compose.yaml, in the order in which they start."""

_COMMAND = str(Path(sys.executable).with_name("bkmonitor-flow-exporter"))
_READY = {"simulator": "/-/requests"}  # where a service says that it is ready, if not at /-/ready
_READY_WITHIN = 60.0
_STOP_WITHIN = 15.0
_LAST_LINES = 10

Addresses = Mapping[str, str]


class StackError(Exception):
    """What keeps the stack from running, told to whoever started it."""


class Child:
    """A service as a child process."""

    def __init__(self, name: str, command: Sequence[str], address: str, folder: Path) -> None:
        self.name = name
        self._ready = f"http://{address}{_READY.get(name, '/-/ready')}"
        self._log = folder / f"{name}.log"
        with self._log.open("w") as log:
            # In a session of its own, or Ctrl-C would end it before us.
            self._process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def check(self) -> None:
        """Raise StackError if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise StackError(f"{self.name} ended, with exit code {code}. {self.last_words()}")

    def is_ready(self) -> bool:
        """Tell whether it says that it is ready."""
        try:
            return requests.get(self._ready, timeout=5).ok
        except requests.RequestException:
            return False

    def last_words(self) -> str:
        """Return the end of its log, told as such."""
        lines = self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return "\n".join(["The end of its log:", *lines])

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def wait(self) -> None:
        """Wait for its end, and bring it about by force where it takes too long."""
        try:
            self._process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> int:
    """Run the stack until SIGINT, SIGTERM or SIGHUP; return the exit code, 1 where something failed."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        addresses = free_addresses(PORTS)
        with TemporaryDirectory(prefix="bkmonitor-flow-stack-") as folder:
            write_configs(Path(folder), addresses)
            with running(Path(folder), addresses, stop) as children:
                if not stop.is_set():
                    click.echo(_greeting(addresses))
                _watch(children, stop)
    except StackError as error:
        click.echo(f"the stack stopped: {error}", err=True)
        return 1
    return 0


def free_addresses(ports: Mapping[str, int]) -> dict[str, str]:
    """Return where each service is to listen: at its own port, or at any other where that is taken."""
    with ExitStack() as probes:
        return {name: f"127.0.0.1:{_free_port(port, probes)}" for name, port in ports.items()}


def _free_port(wanted: int, probes: ExitStack) -> int:
    probe = probes.enter_context(socket.socket())
    # As servers do: a port of a server that has just ended is free.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", wanted))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])


def write_configs(folder: Path, addresses: Addresses) -> None:
    """Write the configs of the stack, with these addresses in the place of compose's, and the rules for them."""
    for original in STACK.iterdir():
        text = original.read_text(encoding="utf-8")
        for name, address in addresses.items():
            text = text.replace(f"{name}:{PORTS[name]}", address)
        (folder / original.name).write_text(text, encoding="utf-8")
    rules = folder / "rules" / "bkmonitor-flow.yml"
    rules.parent.mkdir()
    rules.write_text(rules_document(load_config(folder / "config.yaml", {})), encoding="utf-8")


def commands(addresses: Addresses) -> dict[str, list[str]]:
    """Return the command of each service, to be run where the configs are; raises StackError where one is missing."""
    listen = {name: f"--web.listen-address={address}" for name, address in addresses.items()}
    return {
        "simulator": [_COMMAND, "simulate", listen["simulator"], *WORLD],
        "exporter": [_COMMAND, "serve", "--config.file=config.yaml", listen["exporter"]],
        "alertmanager": [
            _installed("prometheus-alertmanager", "alertmanager"),  # Debian's name, and everybody else's
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            "--cluster.listen-address=",
            f"--web.external-url=http://{addresses['alertmanager']}",
            listen["alertmanager"],
        ],
        "prometheus": [
            _installed("prometheus"),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            "--enable-feature=exemplar-storage",
            f"--web.external-url=http://{addresses['prometheus']}",
            listen["prometheus"],
        ],
    }


def _installed(*names: str) -> str:
    for name in names:
        if path := shutil.which(name):
            return path
    raise StackError(f"{names[0]} is not installed; on Debian: apt-get install {names[0]}")


@contextmanager
def running(folder: Path, addresses: Addresses, stop: threading.Event) -> Iterator[list[Child]]:
    """Give the services as soon as all of them are ready, or `stop` is set; they end with the block.

    Raises StackError where one is missing, ends, or is not ready in time.
    """
    children: list[Child] = []
    try:
        for name, command in commands(addresses).items():
            if not stop.is_set():
                children.append(Child(name, command, addresses[name], folder))
                _await(children, stop)
        yield children
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()


def _await(children: Sequence[Child], stop: threading.Event) -> None:
    newest, deadline = children[-1], time.monotonic() + _READY_WITHIN
    while not newest.is_ready() and not stop.wait(0.2):
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise StackError(f"{newest.name} is not ready after {_READY_WITHIN:.0f} s. {newest.last_words()}")


def _watch(children: Iterable[Child], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        for child in children:
            child.check()


def _greeting(addresses: Addresses) -> str:
    exporter, prometheus = addresses["exporter"], addresses["prometheus"]
    alertmanager, simulator = addresses["alertmanager"], addresses["simulator"]
    return f"""\
  exporter       http://{exporter}/
  metrics        http://{exporter}/metrics
  Prometheus     http://{prometheus}/alerts
  Alertmanager   http://{alertmanager}/api/v2/alerts   or: amtool alert --alertmanager.url=http://{alertmanager}
  the truth      http://{simulator}/-/truth
The first alerts fire within a minute. Ctrl-C ends all."""


if __name__ == "__main__":
    sys.exit(main())
