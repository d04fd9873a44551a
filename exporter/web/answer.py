"""An answer of the web server that needs no framework."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, as a WSGI application; its length is told, and for HEAD nothing but its head."""

    body: bytes
    content_type: str
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as WSGI has it."""
        own = {"Content-Type": self.content_type, "Content-Length": str(len(self.body))}
        start_response(f"{self.status.value} {self.status.phrase}", list({**own, **self.headers}.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


def line(text: str, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a line of plain text as an answer."""
    return Answer(f"{text}\n".encode(), "text/plain; charset=utf-8", status, headers or {})
