"""What goes over the wire: good answers, refusals, and the ways in which an answer breaks."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from exporter.simulator.faults import Faults
from exporter.simulator.refusals import (
    Refused,
    alert_not_found,
    bad_request,
    esb_auth,
    esb_rate,
    gateway_auth,
    gateway_rate,
)

_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer; where `torn`, the connection closes after half of the body that was announced."""

    body: bytes
    status: int = 200
    content_type: str = _JSON
    headers: Mapping[str, str] | None = None
    torn: bool = False

    def halved(self) -> "Answer":
        """Return the answer with a body cut in the middle, as if it had been whole."""
        return replace(self, body=self.body[: len(self.body) // 2])


_BROKEN = {
    "http_500": Answer(body=b"Internal Server Error", status=500, content_type=_TEXT),
    "http_502_html": Answer(
        body=b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
        status=502,
        content_type=_HTML,
    ),
    "not_json": Answer(body=b"<!DOCTYPE html><title>Sign in</title>", content_type=_HTML),
    "empty_body": Answer(body=b""),
    "forbidden_empty": Answer(body=b"", status=403, content_type=_TEXT),
}

_REFUSALS: dict[str, Callable[[str, Faults], Refused]] = {
    "gateway_rate": lambda _, faults: gateway_rate(faults.retry_after),
    "gateway_secret": lambda *_: gateway_auth(),
    "esb_rate": lambda *_: esb_rate(),
    "esb_auth": lambda *_: esb_auth(),
    "bad_request": lambda *_: bad_request("the parameters could not be read"),
    "not_found": lambda alert_id, _: alert_not_found(alert_id),
}


def good(found: object, request_id: str | None) -> Answer:
    """Return the answer that carries what was found; `request_id` None where the dialect has none."""
    return _json({"result": True, "code": 200, "message": "ok", "data": found}, request_id)


def refusal(refused: Refused, request_id: str | None) -> Answer:
    """Return the answer that says no; the gateway's own refusals never have a request id in the body."""
    from_gateway = "code_name" in refused.body
    answer = _json(refused.body, None if from_gateway else request_id)
    return replace(answer, status=refused.status, headers=refused.headers)


def broken(fault: str, alert_id: str, faults: Faults, request_id: str | None) -> Answer:
    """Return the answer of a fault that needs no look into the world; raises KeyError for any other fault."""
    if fault in _BROKEN:
        return _BROKEN[fault]
    return refusal(_REFUSALS[fault](alert_id, faults), request_id)


def _json(body: Mapping[str, object], request_id: str | None) -> Answer:
    told = body if request_id is None else {**body, "request_id": request_id}
    return Answer(body=json.dumps(told, ensure_ascii=False).encode())
