"""Answers: whether one says yes, and what it carries then."""

import json

from exporter.blueking.errors import Unreadable
from exporter.blueking.head import Head
from exporter.blueking.refusals import Said, redirect, refusal, whole_number

_FINE_CODES = (0, 200)
_MOST_VALUES = 2_000_000  # of a log of a hundred thousand rows; each may take a hundred bytes of memory
_NO_JSON = object()


def read_body(body: bytes, head: Head) -> object:
    """Return the JSON in the body of an answer of HTTP status 2xx.

    Raises the error that a redirect or another status means, Unreadable for a body that is no JSON.
    """
    family = (head.status or 0) // 100
    if family == 3:
        raise redirect(head)
    answer = _parsed(body)
    if family != 2 or (answer is _NO_JSON and "X-Bkapi-Error-Code" in head.headers):
        raise refusal(head, _said(answer, head, body))
    if answer is _NO_JSON:
        raise Unreadable(head.message(f"expected JSON, got {_look(body)}"))
    return answer


def read_answer(answer: object, head: Head) -> object:
    """Return what stands under `data` in an answer that says yes.

    `result` decides (api.md); without it, code 0 or 200 beside `data` is a yes as well. Raises the error that a no
    means (`refusal`), Unreadable for what is neither.
    """
    if not isinstance(answer, dict):
        raise Unreadable(head.message(f"expected an object, got {type(answer).__name__}"))
    said = _said(answer, head)
    result = answer.get("result")
    if result is False:
        raise refusal(head, said)
    if "data" not in answer or (result is not True and whole_number(said.code) not in _FINE_CODES):
        missing = "data" if result is True else "result"
        why = f"the answer has no readable {missing}. {said.message}"
        raise Unreadable(head.message(why, code=said.code, request_id=said.request_id))
    return answer["data"]


def _parsed(body: bytes) -> object:
    if _has_too_many_values(body):
        return _NO_JSON
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # Not raised from here: the error of `json` holds the whole body, and would stay with ours as its context.
        return _NO_JSON


def _said(answer: object, head: Head, body: bytes = b"") -> Said:
    fields = answer if isinstance(answer, dict) else {}
    code = fields.get("code", head.headers.get("X-Bkapi-Error-Code"))
    message = fields.get("message") or head.headers.get("X-Bkapi-Error-Message")
    if not isinstance(message, str):
        message = _plain_text(body) if answer is _NO_JSON else ""
    return Said(code, message, fields.get("request_id"))


def _plain_text(body: bytes) -> str:
    return "" if _is_markup(body) else body.decode("utf-8", "replace")


def _has_too_many_values(body: bytes) -> bool:
    """Whether it would take much more memory than its own: the largest answer has room for ten million `{}`."""
    return sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES


def _look(body: bytes) -> str:
    if not body.strip():
        return "an empty body"
    if _has_too_many_values(body):
        return f"more than {_MOST_VALUES} values"
    if _is_markup(body):
        return "HTML"
    return "JSON that is cut off or broken" if body.lstrip()[:1] in b"{[" else "text"


def _is_markup(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"
