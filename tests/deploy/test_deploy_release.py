"""What `make release` builds: whole, without anything that is not ours to give away, and the same each time."""

import tarfile
import zipfile
from collections.abc import Mapping
from email import message_from_bytes
from pathlib import Path

import pytest

from exporter import __version__
from tools.release import Release, ReleaseError, build, try_command

TOP = Path(__file__).parents[2]
EPOCH = "1577836800"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Build from what is in the working tree."""
    return build(TOP, tmp_path_factory.mktemp("dist"), EPOCH)


def in_wheel(release: Release) -> Mapping[str, bytes]:
    """Return the files of the wheel."""
    with zipfile.ZipFile(release.wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_is_the_package(built: Release) -> None:
    """Every file of the package is in it, and the dashboards; no test, tool or config is."""
    package = {
        path.relative_to(TOP).as_posix()
        for path in (TOP / "exporter").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    dashboards = {f"exporter/dashboards/bundled/{path.name}" for path in (TOP / "grafana" / "dashboards").iterdir()}
    files = {name for name in in_wheel(built) if ".dist-info/" not in name}

    assert files == package | dashboards


def test_the_wheel_says_what_it_is(built: Release) -> None:
    """Version and licence are told, and the licence is in it."""
    files = in_wheel(built)
    (metadata,) = (message_from_bytes(text) for name, text in files.items() if name.endswith(".dist-info/METADATA"))

    assert (metadata["Version"], metadata["License-Expression"]) == (__version__, "MIT")
    assert [name for name in files if name.endswith("/licenses/LICENSE")]


def test_the_sdist_can_be_worked_on(built: Release) -> None:
    """Whoever has no git gets tests, documents and locks as well; nothing that git ignores is in it."""
    with tarfile.open(built.sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    tops = {name.split("/")[0] for name in names}

    assert {"exporter", "tests", "docs", "deploy", "requirements", "Makefile", "LICENSE", "CHANGELOG.md"} <= tops
    assert not {".venv", ".hypothesis", "config.yaml", "secrets"} & tops
    assert [name for name in names if name.endswith((".pyc", ".db", ".db.lock"))] == []


def test_the_same_sources_make_the_same_files(built: Release, tmp_path: Path) -> None:
    """Whoever builds a release anew can compare it byte by byte with the one that was published."""
    again = build(TOP, tmp_path, EPOCH)

    assert [path.name for path in again] == [path.name for path in built]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


def test_a_release_that_does_not_run_is_none(tmp_path: Path) -> None:
    """A command that ends with an error, or is of another version, is told with what it said."""
    broken, other = tmp_path / "broken", tmp_path / "other"
    broken.write_text("#!/bin/sh\necho no module named flask >&2\nexit 1\n")
    other.write_text("#!/bin/sh\necho version 0.0.0\n")

    for command, told in ((broken, "no module named flask"), (other, "got version 0.0.0")):
        command.chmod(0o755)
        with pytest.raises(ReleaseError, match=told):
            try_command(command, tmp_path)
