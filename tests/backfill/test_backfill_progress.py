"""Progress: a bar where there is a terminal, a line now and then where there is none."""

import os
import pty
import subprocess
import sys

import pytest

from exporter.backfill import Progress

SCRIPT = """\
from exporter.backfill import Progress
progress = Progress(lambda: 0.0)
with progress.task("sim: logs", 4):
    for _ in range(4):
        progress.advance()
print("done")
"""


def test_without_a_terminal_there_is_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """And one at the end, on standard error."""
    now = 0.0
    progress = Progress(lambda: now)

    with progress.task("sim: logs", 100):
        for _ in range(25):
            now += 1.0
            progress.advance()

    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()) == (
        "",
        ["sim: logs: 10 of 100", "sim: logs: 20 of 100", "sim: logs: 25 of 100"],
    )


def test_on_a_terminal_there_is_a_bar() -> None:
    """On standard error, so that standard output can hold the history."""
    ours, theirs = pty.openpty()
    process = subprocess.run([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    told = os.read(ours, 10_000).decode()
    os.close(ours)

    assert process.stdout == b"done\n"
    assert "sim: logs" in told
    assert "4/4" in told
    assert "\r" in told.rstrip()
