"""File signatures: what tells that a file has changed, without reading it."""

from pathlib import Path

FileSignature = tuple[int, int, int]
"""Time of the last change in nanoseconds, size, inode."""


def file_signature(path: Path) -> FileSignature | None:
    """Return what differs once a file was written in place or replaced; None where it is gone or out of reach."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
