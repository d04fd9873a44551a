"""The turnstile of a source: what is due goes through it one by one, as fast as the rate limit lets it."""

from collections.abc import Callable, Mapping

from exporter.config import RateLimitSettings
from exporter.poller.due import DueQueue
from exporter.poller.pace import TokenBucket


class Turnstile:
    """Holds what is due and what is under way. `waited` gets the seconds that something waited for the rate limit."""

    def __init__(self, limits: RateLimitSettings, waited: Callable[[float], None], now: float) -> None:
        self.bucket = TokenBucket(limits.requests_per_second, limits.burst, now)
        self._concurrency = limits.concurrency
        self._waited = waited
        self._due = DueQueue()
        self._under_way: dict[str, float] = {}  # key -> when it was due
        self._asked = 0  # of those under way, how many were not answered yet
        self._again: dict[str, float] = {}  # what became due anew while it was under way
        self._due_since: dict[str, float] = {}  # of what was put back: when it was due, which is before its turn
        self._forsaken: set[str] = set()  # of those under way: whose answers are of no use any more
        self._waiting_since: float | None = None

    @property
    def asked(self) -> int:
        """How many questions are under way that were not answered yet."""
        return self._asked

    def limit(self, limits: RateLimitSettings) -> None:
        """Go by other limits from now on."""
        self.bucket.resize(limits.requests_per_second, limits.burst)
        self._concurrency = limits.concurrency

    def recall(self) -> list[str]:
        """Have all that is under way due again, since no answer to it will come; return what that is."""
        lost, self._under_way, self._asked = self._under_way, {}, 0
        self._forsaken.clear()
        for key, due_at in lost.items():
            self.put(key, due_at)
        return list(lost)

    def put(self, key: str, at: float) -> None:
        """Set when `key` is due, in place of what was set before.

        Nothing goes through twice at the same time: what becomes due while it is under way is due again at the
        earlier of then and what is set when it is back.
        """
        if key in self._under_way:
            self._again[key] = at
        else:
            self._due.put(key, min(at, self._again.pop(key)) if key in self._again else at)

    def put_all(self, due: Mapping[str, float]) -> None:
        """Set when each of these keys is due, as `put` does."""
        special = due.keys() & (self._under_way.keys() | self._again.keys())
        self._due.put_all({key: at for key, at in due.items() if key not in special} if special else due)
        for key in special:
            self.put(key, due[key])

    def put_back(self, key: str, due_at: float, turn_at: float) -> None:
        """Have `key` due since `due_at`, but behind all that is due by `turn_at`: it had its turn, and was refused."""
        self._due_since[key] = due_at
        self.put(key, turn_at)

    def end_waiting(self, now: float) -> None:
        """Give what was put back its turn now."""
        for key in self._due_since:
            turn_at = self._due.at(key)
            if turn_at is not None:
                self._due.put(key, min(turn_at, now))

    def drop(self, key: str) -> None:
        """Forget when `key` is due; what is under way stays so."""
        self._due.drop(key)
        self._due_since.pop(key, None)
        self._again.pop(key, None)

    def forsake(self, is_lost: Callable[[str], bool]) -> None:
        """Have no use for the answers to what is under way and lost, even if it is due again meanwhile."""
        self._forsaken.update(filter(is_lost, self._under_way))

    def is_forsaken(self, key: str) -> bool:
        """Whether there is no use for the answer to `key`, which is under way."""
        return key in self._forsaken

    def due_at(self, key: str) -> float | None:
        """Return when `key` is due, or was where it is under way; None where neither. Any thread may ask."""
        under_way = self._under_way.get(key)
        return self._due.at(key) if under_way is None else under_way

    def pass_on(self, now: float, *, paused_until: float, at_most: int | None, ahead: str | None = None) -> str | None:
        """Let the key through that is due first, or `ahead` where it is due; None where none is, or none may go now.

        `at_most` bounds what may be asked at once, where that is less than the concurrency.
        """
        first = self._due.first()
        if first is None or first[1] > now or self._is_full(at_most) or now < paused_until:
            self._waiting_since = None
            return None
        if not self.bucket.take(now):
            self._waiting_since = now if self._waiting_since is None else self._waiting_since
            return None
        if self._waiting_since is not None:
            self._waited(max(0.0, now - self._waiting_since))
            self._waiting_since = None
        ahead_at = None if ahead is None else self._due.at(ahead)
        if ahead is not None and ahead_at is not None and ahead_at <= now:
            self._due.drop(ahead)
            key, due_at = ahead, ahead_at
        else:
            key, due_at = self._due.pop()
        self._under_way[key] = self._due_since.pop(key, due_at)
        self._asked += 1
        return key

    def answered(self) -> None:
        """Note that something under way was answered: the next may go, before that answer is dealt with."""
        self._asked -= 1

    def come_back(self, key: str, now: float) -> float:
        """Note that `key`, which was answered, is dealt with; return when it was due."""
        self._forsaken.discard(key)
        return self._under_way.pop(key, now)

    def wakes_at(self, now: float, *, paused_until: float, at_most: int | None) -> float | None:
        """Return when `pass_on` may let something through; None where only an answer can change that."""
        first = self._due.first()
        if first is None or self._is_full(at_most):
            return None
        return max(first[1], paused_until, now + self.bucket.wait(now))

    def overdue(self, now: float) -> float:
        """Return how late what is due first is, under way or not, in seconds."""
        first = self._due.first()
        due = [*self._under_way.values(), *self._due_since.values(), *([] if first is None else [first[1]])]
        return max(0.0, now - min(due, default=now))

    def shift(self, by: float) -> None:
        """Move every due time by so many seconds."""
        self._due.shift(by)
        self._under_way = {key: at + by for key, at in self._under_way.items()}
        self._again = {key: at + by for key, at in self._again.items()}
        self._due_since = {key: at + by for key, at in self._due_since.items()}

    def _is_full(self, at_most: int | None) -> bool:
        return self._asked >= min(self._concurrency, at_most or self._concurrency)
