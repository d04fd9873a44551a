"""The output: a file that is there in full or not at all, or standard output."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO


class OutputError(Exception):
    """The output cannot be written; the message says which file and why."""


def written(pieces: Iterable[str], path: Path | None) -> int:
    """Write the pieces to `path`, to standard output where it is None; return the number of bytes.

    The file takes its place in one step when it is whole. Raises OutputError.
    """
    try:
        return _to_stream(pieces, sys.stdout.buffer) if path is None else _to_file(pieces, path)
    except OSError as error:
        raise OutputError(f"{path or 'standard output'}: {error.strerror}") from None


def _to_file(pieces: Iterable[str], path: Path) -> int:
    partial = path.with_name(f"{path.name}.tmp")
    try:
        with partial.open("wb") as file:
            size = _to_stream(pieces, file)
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return size


def _to_stream(pieces: Iterable[str], file: BinaryIO) -> int:
    size = sum(file.write(piece.encode()) for piece in pieces)
    file.flush()
    return size
