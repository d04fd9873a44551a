"""Scrapes: the metrics in the form that is asked for. No framework stands between, and none is imported for them."""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

from exporter.metrics import Form, Format, LeaseEnded, Publisher
from exporter.web.answer import Answer, line
from exporter.web.hardening import HARDENING

_OPENMETRICS = "application/openmetrics-text"
_QUALITY = re.compile(r"0(\.[0-9]+)?|1(\.0+)?")


class Scrapes:
    """The WSGI application that answers GET and HEAD of the metrics' path with a publisher's current snapshot."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as WSGI has it."""
        return self._answer(environ)(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        form = Form(
            Format.OPENMETRICS if _wants_openmetrics(environ.get("HTTP_ACCEPT", "")) else Format.TEXT,
            is_gzipped=_takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")),
        )
        names = frozenset(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).get("name[]", ()))
        # Who asks for the head alone got no zero: a series is born by a scrape.
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        publisher = self._publisher
        try:
            body = publisher.current.answer(form, names) if is_head else publisher.scrape(form, names)
        except LeaseEnded as ended:
            return line(str(ended), HTTPStatus.SERVICE_UNAVAILABLE, HARDENING)
        encoded = {"Content-Encoding": "gzip"} if form.is_gzipped else {}
        headers = {"Vary": "Accept, Accept-Encoding", **encoded, **HARDENING}
        return Answer(body, form.format.value, headers=headers)


def _wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics is asked for by name, and not less than text; a browser's `*/*` gets text."""
    asked = {_OPENMETRICS: 0.0, "text/plain": 0.0}
    for media_type, quality in _asked(accept):
        if media_type in asked:
            asked[media_type] = max(asked[media_type], quality)
    return asked[_OPENMETRICS] > 0 and asked[_OPENMETRICS] >= asked["text/plain"]


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is asked for, by its name or, where that is not there, by `*`."""
    asked = sorted(_asked(accept_encoding), key=lambda coding: coding[1])
    qualities = dict(asked)  # of what stands there twice, the higher one
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _asked(header: str) -> Iterator[tuple[str, float]]:
    """Yield what a header of the kind of Accept names, without parameters, and its quality (RFC 9110, 12.4.2)."""
    for element in header.lower().split(","):
        name, *parameters = (part.strip() for part in element.split(";"))
        quality = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
        if _QUALITY.fullmatch(quality):
            yield name, float(quality)
