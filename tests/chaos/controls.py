"""The controls: a page of memory shared by the chaos and the exporter under it, by way of a file."""

import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path

_AHEAD = struct.Struct("<d")
_NAMES_FAIL_AT = _AHEAD.size
_DOOM_AT = _NAMES_FAIL_AT + 1
_SIZE = _DOOM_AT + 1


class Controls:
    """How far the exporter's clock is ahead of this machine's, whether names resolve, and in which phase it dies.

    Who makes the file begins with a right clock and no trouble; whoever opens it later sees each change at once.
    """

    def __init__(self, path: Path, real_clock: Callable[[], float] = time.time) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _SIZE)
        self._real_clock = real_clock

    def clock(self) -> float:
        """Return the exporter's unix time."""
        return self._real_clock() + self.ahead

    @property
    def ahead(self) -> float:
        """By how many seconds the exporter's clock is ahead of this machine's."""
        (ahead,) = _AHEAD.unpack_from(self._page)
        return float(ahead)

    @ahead.setter
    def ahead(self, seconds: float) -> None:
        _AHEAD.pack_into(self._page, 0, seconds)

    @property
    def names_fail(self) -> bool:
        """Whether no name resolves."""
        return bool(self._page[_NAMES_FAIL_AT])

    @names_fail.setter
    def names_fail(self, do_fail: bool) -> None:
        self._page[_NAMES_FAIL_AT] = int(do_fail)

    @property
    def doom(self) -> int:
        """The number of the phase in which the exporter dies, from 1; 0 for none."""
        return self._page[_DOOM_AT]

    @doom.setter
    def doom(self, phase: int) -> None:
        self._page[_DOOM_AT] = phase
