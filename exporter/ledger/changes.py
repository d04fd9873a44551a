"""Mappings that views show, and what changed in them lately: who follows them looks at that alone."""

from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Mapping
from itertools import takewhile
from threading import Lock
from typing import Generic, TypeVar

_KEPT = 10_000
"""Of how many keys the last change is remembered: far more than change between two renderings, as a rule."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key]):
    """The keys that changed last, each with the version that it changed in. One thread notes, any thread may ask."""

    def __init__(self) -> None:
        self._versions: OrderedDict[Key, int] = OrderedDict()  # in the order of the keys' last changes
        self._complete_after = 0  # of that version and earlier ones, some may be missing
        self._changing = Lock()

    def note(self, keys: Iterable[Key], version: int) -> None:
        """Note that these keys changed in a version, the newest one."""
        with self._changing:
            for key in keys:
                self._versions[key] = version
                self._versions.move_to_end(key)
            while len(self._versions) > _KEPT:
                _, self._complete_after = self._versions.popitem(last=False)

    def note_all(self, version: int) -> None:
        """Note that any key may have changed in a version, the newest one."""
        with self._changing:
            self._versions.clear()
            self._complete_after = version

    def since(self, version: int) -> list[Key] | None:
        """Return the keys that changed after a version, those that did so last at the end; None if nobody can tell."""
        with self._changing:
            if version < self._complete_after:
                return None
            changed = takewhile(lambda item: item[1] > version, reversed(self._versions.items()))
            return [key for key, _ in changed][::-1]


class Followed(Generic[Key, Value]):
    """A mapping that views show: copied before it changes where one does. `recent` tells what changed in which version.

    It changes here and nowhere else, so that no change goes unnoted. One thread changes it.
    """

    def __init__(self) -> None:
        self.recent: Recent[Key] = Recent()
        self._now: dict[Key, Value] = {}
        self._is_shown = False

    @property
    def now(self) -> Mapping[Key, Value]:
        """All that there is; it may be another mapping after the next change."""
        return self._now

    def show(self) -> Mapping[Key, Value]:
        """Return all that there is, as it stays."""
        self._is_shown = True
        return self._now

    def change(self, version: int, put: Mapping[Key, Value], gone: Collection[Key] = ()) -> None:
        """Put some values, and then drop some keys, which need not be there; where there are none, nothing changes."""
        if not (put or gone):
            return
        if self._is_shown:
            self._now, self._is_shown = dict(self._now), False
        self._now.update(put)
        for key in gone:
            self._now.pop(key, None)
        self.recent.note((*put, *gone), version)

    def turn_to(self, version: int, now: dict[Key, Value]) -> None:
        """Have all this instead, any of which may be other than before."""
        self._now, self._is_shown = now, False
        self.recent.note_all(version)


def changed_keys(
    recent: Recent[Key] | None, version: int, old: Mapping[Key, object], new: Mapping[Key, object]
) -> Collection[Key]:
    """Return the keys whose values differ, and maybe some others: by what changed after a version, if that is known.

    Else all are compared.
    """
    changed = None if recent is None else recent.since(version)
    return differing(old, new) if changed is None else changed


def differing(old: Mapping[Key, object], new: Mapping[Key, object]) -> list[Key]:
    """Return the keys whose values are not the same objects in both, or that are in one of them only.

    What stands in the same order in both is compared without a look-up, which for a series means to hash its labels.
    """
    if old is new:
        return []
    before = iter(old.items())
    keys = []
    for key, value in new.items():
        old_key, old_value = next(before, (None, None))
        if (old_value if old_key is key else old.get(key)) is not value:
            keys.append(key)
    keys += [key for key in old if key not in new]
    return keys
