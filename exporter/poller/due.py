"""What is due when: a queue of keys by time, in which a key stands once."""

import heapq
from collections.abc import Mapping


class DueQueue:
    """Keys ordered by their due time; changing or dropping one costs no search."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def put(self, key: str, at: float) -> None:
        """Set when `key` is due, in place of what was set before."""
        self._due[key] = at
        heapq.heappush(self._heap, (at, key))

    def put_all(self, due: Mapping[str, float]) -> None:
        """Set when each of these keys is due, as `put` does."""
        if len(due) < len(self._heap):  # to put the whole heap in order again would take longer
            for key, at in due.items():
                self.put(key, at)
            return
        self._due.update(due)
        self._heap += [(at, key) for key, at in due.items()]
        heapq.heapify(self._heap)

    def drop(self, key: str) -> None:
        """Forget `key`; it need not be there."""
        self._due.pop(key, None)

    def at(self, key: str) -> float | None:
        """Return when `key` is due, None where it is not. Any thread may ask: it is one look into a mapping."""
        return self._due.get(key)

    def first(self) -> tuple[str, float] | None:
        """Return the key that is due first, and when."""
        while self._heap:
            at, key = self._heap[0]
            if self._due.get(key) == at:
                return key, at
            heapq.heappop(self._heap)  # moved or dropped since
        return None

    def pop(self) -> tuple[str, float]:
        """Take the key that is due first, and return it with its time."""
        first = self.first()
        if first is None:
            raise LookupError("nothing is due")
        self.drop(first[0])
        return first

    def shift(self, by: float) -> None:
        """Move every due time by so many seconds."""
        self._due = {key: at + by for key, at in self._due.items()}
        self._heap = [(at, key) for key, at in self._due.items()]
        heapq.heapify(self._heap)
