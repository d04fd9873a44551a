"""Progress: a bar on a terminal, a line now and then elsewhere; both on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # what `click.progressbar` returns; click has no public name for it

_LINE_EVERY = 10.0


class Progress:
    """Tells how far a task is; `clock` tells seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._is_terminal = sys.stderr.isatty()
        self._label = ""
        self._total = 0
        self._done = 0
        self._line_at = 0.0
        self._bar: ProgressBar[int] | None = None

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[None]:
        """Show a task of so many parts for as long as the block lasts, however it ends."""
        self._label, self._total, self._done = label, total, 0
        self._line_at = self._clock() + _LINE_EVERY
        if self._is_terminal:
            with click.progressbar(length=total, label=label, show_pos=True, file=sys.stderr) as self._bar:
                yield
            self._bar = None
            return
        try:
            yield
        finally:
            self._say()

    def advance(self) -> None:
        """Note that one part is done."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(1)
        elif self._clock() >= self._line_at:
            self._line_at = self._clock() + _LINE_EVERY
            self._say()

    def _say(self) -> None:
        click.echo(f"{self._label}: {self._done} of {self._total}", err=True)
