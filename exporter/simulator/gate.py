"""The gate: who may call, and where a simulated BlueKing looks for the credentials."""

import json
from collections.abc import Mapping

from exporter.simulator.refusals import Refused, esb_auth, gateway_auth
from exporter.simulator.settings import SimulatorSettings

HEADER = "X-Bkapi-Authorization"
_TOKENS = ("bk_token", "bk_ticket", "bk_access_token", "access_token", "token")


def admit(settings: SimulatorSettings, parameters: Mapping[str, object], header: str | None) -> None:
    """Let a caller pass by the rules of `settings.auth`; raises Refused as the ESB or the gateway words it.

    `parameters` are those of the query or the body, `header` is the value of X-Bkapi-Authorization.
    """
    by_parameters = settings.auth == "params" or (settings.auth == "both" and header is None)
    shown = parameters if by_parameters else _read(header)
    app = (shown.get("bk_app_code"), shown.get("bk_app_secret"))
    app_known = app == (settings.app_code, settings.app_secret)
    user_known = shown.get("bk_username") == settings.username or any(shown.get(name) for name in _TOKENS)
    if not app_known or not user_known:
        raise _no(settings, app_known=app_known)


def _read(header: str | None) -> Mapping[str, object]:
    try:
        credentials = json.loads(header or "{}")
    except ValueError:
        return {}
    return credentials if isinstance(credentials, dict) else {}


def _no(settings: SimulatorSettings, *, app_known: bool) -> Refused:
    if settings.auth != "header":
        return esb_auth()
    return gateway_auth("user is not verified") if app_known else gateway_auth()
