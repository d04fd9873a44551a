"""What is due when: a queue of keys by time, in which a key stands once."""

import heapq
from collections.abc import Iterator


class DueQueue:
    """Keys ordered by their due time; changing or dropping one costs no search."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def put(self, key: str, at: float) -> None:
        """Set when `key` is due, in place of what was set before."""
        self._due[key] = at
        heapq.heappush(self._heap, (at, key))

    def drop(self, key: str) -> None:
        """Forget `key`; it need not be there."""
        self._due.pop(key, None)

    def first(self) -> tuple[str, float] | None:
        """Return the key that is due first, and when."""
        while self._heap:
            at, key = self._heap[0]
            if self._due.get(key) == at:
                return key, at
            heapq.heappop(self._heap)  # moved or dropped since
        return None

    def pop(self) -> str:
        """Take the key that is due first."""
        first = self.first()
        if first is None:
            raise LookupError("nothing is due")
        key, _ = first
        self.drop(key)
        return key

    def __contains__(self, key: str) -> bool:
        return key in self._due

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(self._due.items())

    def __len__(self) -> int:
        return len(self._due)
