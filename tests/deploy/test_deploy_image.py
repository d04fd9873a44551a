"""The image: its recipe, and what runs in it. It is built where it is not there yet; `IMAGE` names another to test."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter import __version__

TOP = Path(__file__).parents[2]
BUILT = "bkmonitor-flow-exporter-test"
ENVIRONMENT = {"BUILDAH_ISOLATION": "chroot", **os.environ}  # as in tools/image
WITH_CONFIG = (
    "printf '%s' '{sources: [{name: x, url: https://x.example, auth: {app_code: x, app_secret: x, username: x},"
    " watch: [{alerts: [1]}]}]}' >config.yaml && bkmonitor-flow-exporter"
)

pytestmark = pytest.mark.timeout(900)  # a first build, on a busy machine, takes minutes


def run(*command: str | Path, code: int = 0) -> str:
    """Return what a command prints, errors included; it is to end with `code`."""
    done = subprocess.run(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def find_engine() -> str:
    """Return the command that tools/image builds by."""
    runs = (
        shutil.which("docker") and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    )
    return "docker" if runs else "buildah"


def ingredients() -> Iterator[Path]:
    """Yield each file that the image depends on: what .dockerignore lets in, and the recipe."""
    yield from (TOP / name for name in ("Dockerfile", ".dockerignore", "tools/image"))
    for name in re.findall("^!(.+)$", (TOP / ".dockerignore").read_text(), re.MULTILINE):
        path = TOP / name
        found = [path] if path.is_file() else path.rglob("*")
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def digest_of_ingredients() -> str:
    """Return what tells two images apart: the names and contents of what they are made of."""
    digest = hashlib.sha256()
    for path in sorted(ingredients()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(TOP)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


@contextmanager
def alone() -> Iterator[None]:
    """Keep all other test processes of this user waiting, in whatever working tree."""
    with (Path(tempfile.gettempdir()) / f"{BUILT}-{os.getuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ids_of(engine: str, reference: str) -> list[str]:
    """Return the ids of the images of a name, or of a name and tag."""
    return run(engine, "images", "--quiet", "--filter", f"reference={reference}").split()


def build(engine: str) -> str:
    """Return the name of the image of this working tree; it is built if it is not there yet, and older ones go."""
    image = f"{BUILT}:{digest_of_ingredients()}"
    if not shutil.which(engine) or not ids_of(engine, image):
        run(TOP / "tools" / "image", image)
    for old in set(ids_of(engine, BUILT)) - set(ids_of(engine, image)):
        subprocess.run([engine, "rmi", old], capture_output=True, check=False)  # but for one that is under test
    return image


def start(engine: str, image: str) -> tuple[Sequence[str], Sequence[str]]:
    """Make a container; return the words before a command that is to run in it, and the command that removes it."""
    if engine == "docker":
        idle = ("--read-only", "--tmpfs=/tmp", "--entrypoint=sleep", image, "600")
        name = run(engine, "run", "--detach", *idle).strip()
        return (engine, "exec", name), (engine, "rm", "--force", name)
    name = run(engine, "from", "--pull-never", image).strip()
    return (engine, "run", name, "--"), (engine, "rm", name)


@pytest.fixture(scope="module")
def inside() -> Iterator[Sequence[str]]:
    """Give the words before a command that is to run in the image, without its entry point, as its own user."""
    engine = find_engine()
    with alone():
        words, removal = start(engine, os.environ.get("IMAGE") or build(engine))
    yield words
    run(*removal)


def test_hadolint_finds_no_fault() -> None:
    """The Dockerfile keeps to the rules that its linter knows."""
    assert run(Path(sys.executable).with_name("hadolint"), TOP / "Dockerfile") == ""


def test_nothing_is_installed_that_is_not_locked() -> None:
    """Each `pip install` of the Dockerfile either checks hashes, or takes our own wheel and nothing else."""
    installs = re.findall(
        r"pip (?:--python \S+ )?install (.+?)(?:\s\\)?$", (TOP / "Dockerfile").read_text(), re.MULTILINE
    )

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
    """The demo runs in it, and answers the image's own health check; it ends in order."""
    (check,) = re.findall(r"^HEALTHCHECK .*\n +CMD (\[.+\])$", (TOP / "Dockerfile").read_text(), re.MULTILINE)
    *command, _address = json.loads(check)
    script = (
        "bkmonitor-flow-exporter demo --web.listen-address=127.0.0.1:0 2>/tmp/told & "
        "until grep -q metrics /tmp/told; do sleep 0.2; done; "
        "url=$(grep -o 'http[^ ]*/metrics' /tmp/told | head -n 1); "
        'python -c "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=9).read().decode())" $url; '
        f"{' '.join(command)} $(echo $url | cut -d / -f 3) && echo it is healthy; kill $!; wait $!"
    )

    told = run(*inside, "timeout", "60", "sh", "-c", script)

    assert "bkmonitor_flow_exporter_build_info" in told
    assert "it is healthy" in told
