"""Builds a release into dist/ and tries it in a clean environment: `python -m tools.release`.

The same commit makes the same bytes: times come from the commit, or from SOURCE_DATE_EPOCH, and never from the clock.
"""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import venv
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click
import requests

from exporter import __version__

TOP = Path(__file__).parents[1]
_DIST = TOP / "dist"
_NAME = "bkmonitor-flow-exporter"
_STOP_WITHIN = 15.0


class ReleaseError(Exception):
    """What keeps a release from being made, told to whoever makes it."""


class Release(NamedTuple):
    """The files of a release."""

    sdist: Path
    wheel: Path


def build(source: Path, folder: Path, epoch: str) -> Release:
    """Build the sdist of `source` into `folder`, and the wheel from that sdist alone: what it lacks would show.

    `epoch`, in unix seconds, is the time of all files in them. Raises `ReleaseError` where the build fails.
    """
    env = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    _run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], source, env)
    (sdist,) = folder.glob("*.tar.gz")
    with TemporaryDirectory() as unpacked, tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
        (root,) = Path(unpacked).iterdir()
        _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], root, env)
    (wheel,) = folder.glob("*.whl")
    return Release(sdist, wheel)


def install(wheel: Path, folder: Path) -> Path:
    """Return the command of `wheel`, installed into a new environment with the locked versions of the image."""
    venv.create(folder, with_pip=True, clear=True)
    pip: list[str | Path] = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    _run([*pip, "--require-hashes", "-r", TOP / "requirements" / "run.lock"], TOP)
    _run([*pip, "--no-deps", wheel], TOP)
    return folder / "bin" / _NAME


def try_command(command: Path, folder: Path) -> None:
    """Use the installed `command` in the empty `folder`, as somebody who has nothing else. Raises `ReleaseError`."""
    version = _run([command, "--version"], folder)
    if __version__ not in version:
        raise ReleaseError(f"expected version {__version__}, got {version}")
    config = folder / "config.yaml"
    config.write_text((TOP / "config.example.yaml").read_text())
    _run([command, "check"], folder)
    _run([command, "schema"], folder)
    _run([command, "rules", "--output=rules.yml"], folder)
    _run([command, "dashboards", "--output=dashboards"], folder)
    if not list((folder / "dashboards").glob("*.json")):
        raise ReleaseError("the wheel has no dashboards")
    _try_demo(command, folder)


def _try_demo(command: Path, folder: Path) -> None:
    demo = subprocess.Popen(  # noqa: S603 - the command that was just built
        [command, "demo", "--web.listen-address=127.0.0.1:0"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        assert demo.stderr is not None  # noqa: S101 - it is a pipe
        told = (re.search(r"metrics +(http://\S+/metrics)$", line.rstrip()) for line in demo.stderr)
        found = next((match for match in told if match), None)
        if found is None:
            raise ReleaseError("demo ended before it served anything")
        page, metrics = found[1].removesuffix("metrics"), found[1]
        if "bkmonitor_flow_exporter_build_info" not in requests.get(metrics, timeout=10).text:
            raise ReleaseError("demo serves no metrics")
        requests.get(page, timeout=10).raise_for_status()
        demo.terminate()
        demo.communicate(timeout=_STOP_WITHIN)
        if demo.returncode:
            raise ReleaseError(f"demo ended with {demo.returncode}")
    finally:
        demo.kill()
        demo.wait()


def _run(command: Sequence[str | Path], folder: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands, no shell
        [str(word) for word in command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def _epoch() -> str:
    return os.environ.get("SOURCE_DATE_EPOCH") or _run(["git", "log", "-1", "--format=%ct"], TOP).strip()


def release() -> Release:
    """Build into dist/ what is committed, and try it. Raises `ReleaseError`, also where something is not committed."""
    if changed := _run(["git", "status", "--porcelain"], TOP):
        raise ReleaseError(f"a release is made of what is committed; this is not:\n{changed}")
    _DIST.mkdir(exist_ok=True)
    for old in _DIST.iterdir():
        old.unlink()
    built = build(TOP, _DIST, _epoch())
    with TemporaryDirectory() as folder:
        command = install(built.wheel, Path(folder, "venv"))
        (trial := Path(folder, "trial")).mkdir()
        try_command(command, trial)
    return built


if __name__ == "__main__":
    try:
        for made in release():
            click.echo(f"{hashlib.sha256(made.read_bytes()).hexdigest()}  {made.relative_to(TOP)}")
    except ReleaseError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
