"""The phases in which an exporter can be killed: where each of them passes through a public door.

The doors are opened from outside, in the process that is to die, so that the exporter itself knows nothing of this.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from sqlalchemy import Engine, event

from exporter.metrics import OwnMetrics
from exporter.service.sources import Sources

Die = Callable[[], None]


def _within_a_transaction(die: Die) -> None:
    """Part of the statements are written."""

    @event.listens_for(Engine, "after_cursor_execute")
    def written(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            die()


def _before_a_commit(die: Die) -> None:
    """All is written, nothing is committed."""
    event.listen(Engine, "commit", lambda _connection: die())


def _after_a_commit(die: Die) -> None:
    """It is committed, and nobody was told."""
    _enter(OwnMetrics, "committed", die)


def _while_rendering(die: Die) -> None:
    """A snapshot is half made."""
    _enter(OwnMetrics, "collect", die)


def _during_a_reload(die: Die) -> None:
    """Other settings are half in force; a start goes through the same door."""
    _enter(Sources, "adopt", die)


PHASES: dict[str, Callable[[Die], None]] = {
    "within a transaction": _within_a_transaction,
    "before a commit": _before_a_commit,
    "after a commit": _after_a_commit,
    "while rendering": _while_rendering,
    "during a reload": _during_a_reload,
}
"""By name, what has a function called whenever that phase is passed."""


def _enter(room: type[Any], door: str, die: Die) -> None:
    """Have `die` called whenever a method is about to run."""
    method = getattr(room, door)

    @wraps(method)
    def watched(*arguments: Any, **named: Any) -> Any:
        die()
        return method(*arguments, **named)

    setattr(room, door, watched)
