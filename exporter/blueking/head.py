"""The head of an answer: all that is known of it but its body, and how an error message is phrased from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from requests.structures import CaseInsensitiveDict

from exporter.blueking.redaction import Redactor

_LONGEST_CODE = 40
_LONGEST_REQUEST_ID = 80


@dataclass(frozen=True, slots=True)
class Head:
    """Which endpoint answered, and how.

    `status` is the HTTP status, None where none is known. `headers` ignores case. `received_at` is in unix seconds.
    `redact` knows the secrets that were sent.
    """

    endpoint: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=CaseInsensitiveDict[str])
    received_at: float = 0.0
    redact: Redactor = field(default_factory=Redactor)

    def message(self, why: str, *, code: object = None, request_id: object = None) -> str:
        """Return an error message: one line without secrets, with `why` shortened."""
        known = (
            self._part("HTTP", self.status, _LONGEST_CODE),
            self._part("code", code, _LONGEST_CODE),
            self._part("request id", request_id or self.headers.get("X-Bkapi-Request-Id"), _LONGEST_REQUEST_ID),
        )
        place = ", ".join(part for part in known if part)
        return f"{self.endpoint}: {self.redact.quote(why)}" + (f" ({place})" if place else "")

    def _part(self, name: str, value: object, longest: int) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
            return ""
        # Python refuses to print integers of thousands of digits, and nobody would read them.
        if isinstance(value, int) and abs(value) >= 10**longest:
            return f"{name} (huge)"
        return f"{name} {self.redact.quote(str(value), longest)}"
