"""The image: its recipe, and, once `make image` has built it, what runs in it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exporter import __version__

TOP = Path(__file__).parents[2]
IMAGE = f"bkmonitor-flow-exporter:{__version__}"
WITH_CONFIG = (
    "printf '%s' '{sources: [{name: x, url: https://x.example, auth: {app_code: x, app_secret: x, username: x},"
    " watch: [{alerts: [1]}]}]}' >config.yaml && bkmonitor-flow-exporter"
)
BUILDAH_ENV = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", **os.environ}  # as in tools/image


def run(*command: str | Path, code: int = 0) -> str:
    """Return what a command prints, errors included; it is to end with `code`."""
    done = subprocess.run(
        command, env=BUILDAH_ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def has_image(*command: str) -> bool:
    """Whether an engine is there, runs, and has the image."""
    return (
        shutil.which(command[0]) is not None
        and not subprocess.run([*command, IMAGE], env=BUILDAH_ENV, capture_output=True, check=False).returncode
    )


@pytest.fixture(scope="module")
def inside() -> Iterator[Sequence[str]]:
    """Give the words before a command that is to run in the image, without its entry point, as its own user."""
    if has_image("docker", "image", "inspect"):
        name = run(
            "docker", "run", "--detach", "--read-only", "--tmpfs=/tmp", "--entrypoint=sleep", IMAGE, "600"
        ).strip()
        yield ["docker", "exec", name]
        run("docker", "rm", "--force", name)
    elif has_image("buildah", "inspect", "--type=image"):
        name = run("buildah", "from", "--pull-never", IMAGE).strip()
        yield ["buildah", "run", name, "--"]
        run("buildah", "rm", name)
    else:
        pytest.skip("there is no image of this version: make image")


def test_hadolint_finds_no_fault() -> None:
    """The Dockerfile keeps to the rules that its linter knows."""
    assert run(Path(sys.executable).with_name("hadolint"), TOP / "Dockerfile") == ""


def test_nothing_is_installed_that_is_not_locked() -> None:
    """Each `pip install` of the Dockerfile either checks hashes, or takes our own wheel and nothing else."""
    installs = re.findall(r"pip install (.+?)(?:\s\\)?$", (TOP / "Dockerfile").read_text(), re.MULTILINE)

    assert len(installs) == 3
    assert [one for one in installs if "--require-hashes" not in one and "--no-deps /wheel/*.whl" not in one] == []


def test_the_build_is_locked_to_what_was_tested() -> None:
    """The wheel of the image is made by the versions, to the hash, that make it in the tests."""
    pins = re.findall(
        r"^\S+==\S+ \\\n(?: {4}--hash.+\n)+", (TOP / "requirements" / "build.lock").read_text(), re.MULTILINE
    )
    tested = (TOP / "requirements" / "dev.lock").read_text()

    assert [pin for pin in pins if pin not in tested] == []
    assert [pin for pin in pins if pin.startswith("hatchling==")]


def test_the_command_runs_in_the_image(inside: Sequence[str]) -> None:
    """It is the version that this is, and finds what it needs."""
    assert __version__ in run(*inside, "bkmonitor-flow-exporter", "--version")
    assert "BKMonitorFlowExporterDown" in run(*inside, "sh", "-c", f"cd /data && {WITH_CONFIG} rules")


def test_nobody_runs_it(inside: Sequence[str]) -> None:
    """The user is a number without rights, and may write to /data and to nothing that is run."""
    assert run(*inside, "id", "-u").strip() == "65532"
    run(*inside, "sh", "-c", "touch /data/probe && rm /data/probe")
    run(*inside, "sh", "-c", "! touch /venv/probe && ! touch /probe")


def test_the_image_serves_metrics(inside: Sequence[str]) -> None:
    """The demo runs in it and answers its health check; it ends in order."""
    script = (
        "bkmonitor-flow-exporter demo --web.listen-address=127.0.0.1:0 2>/tmp/told & "
        "until grep -q metrics /tmp/told; do sleep 0.2; done; "
        "python -c \"import re, urllib.request as u; told = open('/tmp/told').read(); "
        "url = re.search(r'http\\S+/metrics', told)[0]; "
        'print(u.urlopen(url, timeout=9).read().decode())"; kill $!; wait $!'
    )

    assert "bkmonitor_flow_exporter_build_info" in run(*inside, "timeout", "60", "sh", "-c", script)
