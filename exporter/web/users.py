"""Names and passwords against bcrypt hashes: as slow for a wrong one as for a right one, and only the first time."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping

import bcrypt

from exporter.config import Secret

_LONGEST = 72  # bytes that bcrypt looks at
_MOST_WAITING = 8


class Busy(Exception):
    """So many passwords are being checked that this one would wait too long."""


class Passwords:
    """Checks passwords, one at a time; remembers for each user the last one that was right, as a keyed digest."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}
        self._turn = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)

    def allow(self, users: Mapping[str, Secret], name: str, password: bytes) -> bool:
        """Tell whether `password` is that of `name`, one of the not empty `users`; raises Busy.

        A name that is none of them costs a check against the hash of one who is, always the same for that name: the
        time tells nobody who exists, nor by whose cost it was hashed.
        """
        password = password[:_LONGEST]
        known = users.get(name)
        hashed = (known or self._stand_in(users, name)).reveal().encode()
        digest = self._digest(len(hashed).to_bytes(2), hashed, password)
        if known and hmac.compare_digest(self._right.get(name, b""), digest):
            return True
        right = self._matches(password, hashed) and known is not None
        if right:
            # Whoever is a user no more is forgotten here, so that this never outgrows the file.
            self._right = {**{other: kept for other, kept in self._right.items() if other in users}, name: digest}
        return right

    def _stand_in(self, users: Mapping[str, Secret], name: str) -> Secret:
        digest = self._digest(name.encode(errors="surrogateescape"))
        return list(users.values())[int.from_bytes(digest) % len(users)]

    def _digest(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key, b"".join(parts), hashlib.sha256)

    def _matches(self, password: bytes, hashed: bytes) -> bool:
        # One at a time, as bcrypt takes a core to itself; whoever guesses must not take the threads of the others.
        if not self._waiting.acquire(blocking=False):
            raise Busy
        try:
            with self._turn:
                return bcrypt.checkpw(password, hashed)
        finally:
            self._waiting.release()
