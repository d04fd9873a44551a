"""The stack without Docker: it starts as a whole, tells where all is, and ends as a whole."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.alertmanager import Alertmanager
from tests.e2e.harness import wait_until
from tests.e2e.prometheus import Prometheus, free_port
from tools.stack import PORTS, StackError, commands, free_addresses

TOP = Path(__file__).parents[2]
UNACKED = "BKMonitorFlowAlertUnacked"
START_WITHIN, STOP_WITHIN = 120.0, 30.0


class Stack:
    """A running stack, as somebody's terminal sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.stack"],
                cwd=TOP,
                env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=err,
            )

    def printed(self) -> str:
        """Return what it told so far."""
        return (self.folder / "out").read_text()

    def complaints(self) -> str:
        """Return what it complained of so far."""
        return (self.folder / "err").read_text()

    def wait_started(self) -> None:
        """Wait until it says where all is."""
        wait_until(lambda: "Ctrl-C" in self.printed() or self.process.poll() is not None, START_WITHIN)
        assert "Ctrl-C" in self.printed(), self.complaints()

    def address(self, name: str) -> str:
        """Return where it says that something is."""
        found = re.search(rf"{name} +(http://127\.0\.0\.1:\d+)", self.printed())
        assert found is not None, self.printed()
        return found[1]

    def children(self) -> list[int]:
        """Return the processes of its services."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Give a stack that has started; it ends with the test."""
    stack = Stack(tmp_path)
    try:
        stack.wait_started()
        yield stack
    finally:
        stack.process.terminate()
        stack.process.wait(STOP_WITHIN)


def is_running(pid: int) -> bool:
    """Tell whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


def test_the_stack_shows_alerts_and_leaves_nothing_behind(stack: Stack) -> None:
    """Prometheus scrapes and evaluates without an error, alerts with links arrive; the end is whole and in order."""
    prometheus = Prometheus(stack.address("Prometheus"), stack.folder)
    alertmanager = Alertmanager(stack.address("Alertmanager"))
    children = stack.children()

    wait_until(lambda: bool(alertmanager.firing(UNACKED)), within=60)
    alert = alertmanager.firing(UNACKED)[0]
    groups = requests.get(f"{prometheus.url}/api/v1/rules", timeout=5).json()["data"]["groups"]
    (target,) = prometheus.targets()

    assert (target["labels"]["job"], target["health"]) == ("bkmonitor-flow", "up")
    assert alert.annotations["alert_url"].endswith(f"#/event-center/detail/{alert.labels['alert_id']}")
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []
    assert {is_running(child) for child in children} == {True}

    stack.process.send_signal(signal.SIGTERM)

    assert stack.process.wait(STOP_WITHIN) == 0
    assert stack.complaints() == ""
    assert {is_running(child) for child in children} == {False}
    assert {path.name for path in stack.folder.iterdir()} == {"out", "err"}


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server is not installed, the stack says which one, and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackError, match="apt-get install prometheus-alertmanager"):
        commands(free_addresses(PORTS))


def test_a_port_that_is_taken_is_left_to_whoever_has_it() -> None:
    """A Prometheus that runs already goes on undisturbed; no two services get the same port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        addresses = free_addresses({"exporter": port, "prometheus": port, "simulator": free_port()})

    assert f"127.0.0.1:{port}" not in addresses.values()
    assert len(set(addresses.values())) == len(addresses)


def test_a_service_that_dies_ends_the_stack_which_says_so(stack: Stack) -> None:
    """Nobody looks at half a stack: the others end, and whoever started it is told which one it was, and why."""
    children = stack.children()
    (exporter,) = (child for child in children if b"\0serve\0" in Path(f"/proc/{child}/cmdline").read_bytes())

    os.kill(exporter, signal.SIGKILL)

    assert stack.process.wait(STOP_WITHIN) == 1
    assert "exporter ended, with exit code -9. The end of its log:\nts=" in stack.complaints()
    assert {is_running(child) for child in children} == {False}
    assert {path.name for path in stack.folder.iterdir()} == {"out", "err"}
