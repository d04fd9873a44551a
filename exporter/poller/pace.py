"""The rate limit of a source: a token bucket, told the time."""

_SLOWEST = 1 / 64
_RECOVERY = 0.01


class TokenBucket:
    """Allows `rate` requests a second in the long run, and `burst` at once after a quiet time."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._full_rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_at = now

    @property
    def rate(self) -> float:
        """The requests a second that are allowed now."""
        return self._rate

    @property
    def full_rate(self) -> float:
        """The requests a second that are allowed while nobody complains."""
        return self._full_rate

    def resize(self, rate: float, burst: int) -> None:
        """Go by another rate and burst; what the source slowed down stays slowed down, in the same proportion."""
        self._rate, self._full_rate = rate * (self._rate / self._full_rate), rate
        self._burst = float(burst)
        self._tokens = min(self._tokens, self._burst)

    def slow_down(self) -> None:
        """Halve the rate: the source said that it is too fast."""
        self._rate = max(self._full_rate * _SLOWEST, self._rate / 2)
        self._tokens = 0.0

    def speed_up(self) -> None:
        """Go back towards the full rate, by a little for each answer."""
        self._rate = min(self._full_rate, self._rate + self._full_rate * _RECOVERY)

    def take(self, now: float) -> bool:
        """Take a token where there is one."""
        if self.wait(now) > 0:
            return False
        self._tokens -= 1
        return True

    def wait(self, now: float) -> float:
        """Return in how many seconds a token will be there; 0 where one is."""
        # A clock that was set back must not stop the source: time only counts forward.
        elapsed = max(0.0, now - self._filled_at)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._filled_at = now
        return max(0.0, (1 - self._tokens) / self._rate)
