"""File signatures: what counts as a change."""

import os
from pathlib import Path

import pytest

from exporter.config import file_signature


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that was changed long ago."""
    path = tmp_path / "file"
    path.write_text("first")
    os.utime(path, ns=(10**18, 10**18))
    return path


def test_a_file_that_nobody_touches_keeps_its_signature(file: Path) -> None:
    """Reading changes nothing; time of the last change and size are told as they are."""
    before = file_signature(file)
    file.read_text()

    assert before == file_signature(file) == (10**18, 5, file.stat().st_ino)


def test_a_file_that_is_written_has_another_signature(file: Path) -> None:
    """Whether its time changed or, where the clock of the file system is coarse, its size alone."""
    before = file_signature(file)
    file.write_text("second")
    os.utime(file, ns=(10**18, 10**18))
    by_size = file_signature(file)
    os.utime(file, ns=(10**18, 10**18 + 1))

    assert len({before, by_size, file_signature(file)}) == 3


def test_a_file_that_is_replaced_has_another_signature(file: Path) -> None:
    """Another file of the same size and time at the same name is another file."""
    before = file_signature(file)
    other = file.with_name("other")
    other.write_text("FIRST")
    os.utime(other, ns=(10**18, 10**18))
    other.replace(file)

    assert before != file_signature(file)


def test_a_file_that_is_gone_has_none(file: Path) -> None:
    """Nor has one below something that is no folder."""
    assert file_signature(file / "below") is None

    file.unlink()
    assert file_signature(file) is None
