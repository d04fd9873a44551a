"""What a fault is: how it strikes, and what is promised."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from random import Random

from tests.chaos.stage import Stage

Strike = Callable[[Stage, Random], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong: it begins where the context of `strike` is entered, and is over after it.

    Promised is that all totals equal the truth once it is over. `may_differ` names metrics of which that cannot be;
    where `may_lack`, totals are too small at most. `tells` is what the log must say, `change_at` the moment that must
    lie in the middle of its day, if there is one.
    """

    name: str
    what: str
    strike: Strike
    tells: str = ""
    may_differ: tuple[str, ...] = ()
    may_lack: bool = False
    change_at: float | None = None
