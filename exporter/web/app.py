"""The web application: endpoints over the publisher's current snapshot."""

import time
from collections.abc import Callable, Iterable, Mapping

from flask import Flask, Response, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from exporter.flow.known import KnownAlert
from exporter.metrics import Form, Format, LeaseEnded, Publisher, SourceState
from exporter.web.pages import FindAlerts, Site, add_pages
from exporter.web.plain import plain_text

_OPENMETRICS = "application/openmetrics-text"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def _in_no_ledger(_alert_id: str) -> Mapping[str, KnownAlert] | None:
    return None


def make_app(
    publisher: Publisher,
    *,
    version: str,
    telemetry_path: str,
    alert_url: Callable[[], str | None],
    find_alerts: FindAlerts = _in_no_ledger,
    clock: Callable[[], float] = time.time,
) -> Flask:
    """Return the application; `alert_url` is the template of an alert's page, with `{alert_id}` and label names.

    `find_alerts` looks an id up in the ledger, for alerts that rest; `clock` tells unix seconds.
    """
    app = Flask(__name__)

    @app.get(telemetry_path)
    def metrics() -> Response:
        return _metrics(publisher)

    @app.get("/-/healthy")
    def healthy() -> Response:
        return plain_text("healthy\n")

    @app.get("/-/ready")
    def ready() -> Response:
        waiting = list(_not_ready(publisher.current.moment.sources))
        return plain_text("".join(waiting), 503) if waiting else plain_text("ready\n")

    if telemetry_path != "/":
        add_pages(app, Site(publisher, version, telemetry_path, alert_url, find_alerts, clock))
    app.register_error_handler(HTTPException, _refused)
    app.after_request(_harden)
    return app


def _metrics(publisher: Publisher) -> Response:
    form = Form(
        Format.OPENMETRICS if _wants_openmetrics(request.accept_mimetypes) else Format.TEXT,
        is_gzipped=request.accept_encodings["gzip"] > 0,
    )
    names = frozenset(request.args.getlist("name[]"))
    # Who asks for the head alone got no zero: a series is born by a scrape.
    is_head = request.method == "HEAD"
    try:
        body = publisher.current.answer(form, names) if is_head else publisher.scrape(form, names)
    except LeaseEnded as ended:
        return plain_text(f"{ended}\n", 503)
    response = Response(body, content_type=form.format.value)
    response.vary.update(("Accept", "Accept-Encoding"))
    if form.is_gzipped:
        response.content_encoding = "gzip"
    return response


def _wants_openmetrics(accept: MIMEAccept) -> bool:
    """Whether OpenMetrics is asked for by name, and not less than text; a browser's `*/*` gets text."""
    asked = {"openmetrics": 0.0, "text": 0.0}
    for media_type, quality in accept:
        name = media_type.partition(";")[0].strip().lower()
        if name == _OPENMETRICS:
            asked["openmetrics"] = max(asked["openmetrics"], quality)
        elif name == "text/plain":
            asked["text"] = max(asked["text"], quality)
    return asked["openmetrics"] > 0 and asked["openmetrics"] >= asked["text"]


def _not_ready(sources: Iterable[SourceState]) -> Iterable[str]:
    for source in sources:
        if not source.cycled:
            yield f"source {source.name}: its first cycle is under way\n"


def _refused(error: HTTPException) -> Response:
    answer = plain_text(f"{error.code} {error.name}\n", error.code or 500)
    if isinstance(error, MethodNotAllowed):
        answer.allow.update(error.valid_methods or ())
    return answer


def _harden(response: Response) -> Response:
    """Nothing from elsewhere is loaded or run, whatever an alert's text holds."""
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
