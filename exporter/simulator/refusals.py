"""How a simulated BlueKing says no: the words and codes of bk-monitor, its ESB and its API gateway."""

from collections.abc import Mapping


class Refused(Exception):
    """An answer that says no: its JSON body, with `code` and `message`, its HTTP status and headers."""

    def __init__(
        self,
        body: Mapping[str, object],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{body['code']}: {body['message']}")
        self.body = body
        self.status = status
        self.headers = headers or {}

    @property
    def code(self) -> object:
        """The code of the body, a number or text."""
        return self.body["code"]

    @property
    def message(self) -> str:
        """The message of the body."""
        return str(self.body["message"])


def alert_not_found(alert_id: str) -> Refused:
    """Return what an id that is not known, or not yet, gets."""
    words = f"告警ID ({alert_id}) 对应的告警信息不存在"
    return _refused(3324002, words, error_details={"type": "AlertNotFoundError", "code": 3324002})


def bad_request(message: str) -> Refused:
    """Return what a request with wrong parameters gets."""
    return _refused(3300002, message)


def too_deep() -> Refused:
    """Return what a page beyond the 10000th row gets."""
    return _refused(500, "the result window is too large: page * page_size may not exceed 10000")


def poisoned() -> Refused:
    """Return what an alert gets of which one row has no text."""
    return _refused(500, "sequence item 0: expected str instance, NoneType found")


def esb_auth() -> Refused:
    """Return what the ESB answers a caller without valid credentials."""
    identities = ", ".join(("bk_username", "bk_token", "access_token"))
    words = f"User authentication failed, please provide a valid user identity, such as {identities}"
    return Refused({"code": "1306000", "result": False, "message": words, "data": None})


def esb_rate() -> Refused:
    """Return what the ESB answers a caller that is too fast."""
    return Refused({"code": 1306429, "result": False, "message": "request frequency limit", "data": None})


def gateway_auth(reason: str = "app code or app secret is incorrect") -> Refused:
    """Return what the gateway answers a caller without valid credentials."""
    return _gateway(400, "INVALID_ARGS", 1640001, f'Parameters error [reason="{reason}"]', {})


def gateway_rate(retry_after: float) -> Refused:
    """Return what the gateway answers a caller that is too fast: wait `retry_after` seconds."""
    headers = {"X-Bkapi-RateLimit-Remaining": "0", "X-Bkapi-RateLimit-Reset": f"{retry_after:g}"}
    return _gateway(429, "RATE_LIMIT_RESTRICTION", 1642902, "Request rate limit exceeded", headers)


def _refused(code: int, message: str, **more: object) -> Refused:
    return Refused({"code": code, "name": None, "result": False, "message": message, "data": {}, **more})


def _gateway(status: int, name: str, code: int, message: str, headers: Mapping[str, str]) -> Refused:
    body = {"code_name": name, "code": code, "message": message, "data": None, "result": False}
    told = {"X-Bkapi-Error-Code": str(code), "X-Bkapi-Error-Message": message, **headers}
    return Refused(body, status, told)
