"""Auth: who we are to a source, and where in a request that stands; the one place that reveals its secrets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock

from exporter.config import AuthSettings

HEADER = "X-Bkapi-Authorization"


class Placement(StrEnum):
    """Where the credentials stand: in a header, or among the parameters (api.md, "Who may call"); never in both."""

    HEADER = "header"
    PARAMS = "params"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of one request, as they are put into it, and the secrets among them."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Auth:
    """The credentials of a source, and what is known about where its endpoints take them; thread-safe.

    Each endpoint for itself: one may be an ESB's and the other one a gateway's (api.md).
    """

    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._accepted: dict[str, Placement] = {}

    def placements(self, endpoint: str) -> tuple[Placement, ...]:
        """Return where to put the credentials: first here and, where they are not seen there, next.

        Once a place was accepted it stays the only one, so that a later refusal (a right withdrawn, a secret expired)
        does not put secrets into a query string.
        """
        if self._settings.placement != "auto":
            return (Placement(self._settings.placement),)
        with self._lock:
            accepted = self._accepted.get(endpoint)
        return tuple(Placement) if accepted is None else (accepted,)

    def accept(self, endpoint: str, placement: Placement) -> None:
        """Remember that the endpoint knew us by credentials placed there; the first place to be accepted stays."""
        with self._lock:
            self._accepted.setdefault(endpoint, placement)

    def credentials(self, placement: Placement) -> Credentials:
        """Return the credentials as they are now; files that hold secrets may have changed."""
        app = {"bk_app_code": self._settings.app_code, "bk_app_secret": self._settings.reveal_app_secret()}
        token, access_token = self._settings.reveal_token(), self._settings.reveal_access_token()
        secrets = tuple(secret for secret in (app["bk_app_secret"], token, access_token) if secret)
        user = {"bk_token": token, "bk_username": self._settings.username}
        if placement is Placement.PARAMS:
            return Credentials(params=_given(app | user | {"bk_access_token": access_token}), secrets=secrets)
        # ASCII only (the default of `json`): a header could not carry other characters as they are.
        identity = json.dumps(_given(app | user | {"access_token": access_token}))
        return Credentials(headers={HEADER: identity}, secrets=secrets)


def _given(fields: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
