"""Who asks a source: the application with its secret, and the user or token it acts for."""

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from exporter.config.model import Model
from exporter.config.rules import at_least_one, at_most_one, exactly_one
from exporter.config.scalars import Reads, UntoldText
from exporter.config.secret import Secret, SecretFile, SecretVariable

Where = Literal["auto", "header", "params"]


def _read_placement(value: object) -> object:
    # Untold, as all that stands beside secrets: one of them may stand at this key by mistake.
    if value not in get_args(Where):
        raise ValueError("expected auto, header or params")
    return value


class AuthSettings(Model):
    """Who asks; each secret stands here, in a file that is re-read when it changes, or in the environment."""

    rules = (
        exactly_one("app_secret", "app_secret_file", "app_secret_env"),
        at_most_one("token", "token_file", "token_env"),
        at_most_one("access_token", "access_token_file", "access_token_env"),
        at_least_one(
            "username",
            "token",
            "token_file",
            "token_env",
            "access_token",
            "access_token_file",
            "access_token_env",
        ),
    )

    app_code: UntoldText
    """The application's id (`bk_app_code`)."""
    app_secret: Secret | None = None
    """The application's secret (`bk_app_secret`), written here."""
    app_secret_file: SecretFile | None = None
    """A file with the application's secret."""
    app_secret_env: SecretVariable | None = None
    """The environment variable with the application's secret."""
    username: UntoldText | None = None
    """The user to act for (`bk_username`), where the application needs no login."""
    token: Secret | None = None
    """The user's login (`bk_token`), written here."""
    token_file: SecretFile | None = None
    """A file with the user's login."""
    token_env: SecretVariable | None = None
    """The environment variable with the user's login."""
    access_token: Secret | None = None
    """The user's access token (`bk_access_token`), written here."""
    access_token_file: SecretFile | None = None
    """A file with the access token."""
    access_token_env: SecretVariable | None = None
    """The environment variable with the access token."""
    placement: Annotated[Where, Reads(_read_placement, {"enum": list(get_args(Where)), "type": "string"})] = "auto"
    """Where the credentials go: into the header, among the parameters (`params`), or `auto`: the header, and the
    parameters only where the source says that nobody told it who asks, as old ESBs do (`APP Code [bk_app_code] cannot
    be empty`), by each endpoint for itself, and never again once the header was accepted. Any other refusal is no
    reason: parameters end up in access logs. An ESB that words it otherwise needs `params`."""

    def reveal_app_secret(self) -> str:
        """Return the application's secret as it is now."""
        (secret,) = _given(self.app_secret, self.app_secret_file, self.app_secret_env)
        return secret.reveal()

    def reveal_token(self) -> str | None:
        """Return the user's login as it is now; None where none is configured."""
        return next((way.reveal() for way in _given(self.token, self.token_file, self.token_env)), None)

    def reveal_access_token(self) -> str | None:
        """Return the access token as it is now; None where none is configured."""
        ways = _given(self.access_token, self.access_token_file, self.access_token_env)
        return next((way.reveal() for way in ways), None)


def _given(*ways: Secret | SecretFile | None) -> Iterator[Secret | SecretFile]:
    return (way for way in ways if way is not None)
