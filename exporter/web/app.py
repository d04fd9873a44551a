"""The web application: endpoints over the publisher's current snapshot."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from flask import Flask, Response, render_template, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException

from exporter.flow.known import KnownAlert
from exporter.metrics import Moment, Publisher, SourceState
from exporter.metrics.snapshot import Format

_OPENMETRICS = "application/openmetrics-text"
_ALERTS_SHOWN = 20


def make_app(publisher: Publisher, *, version: str, telemetry_path: str, alert_url: str | None) -> Flask:
    """Return the application; `alert_url` is the template of an alert's page, with `{alert_id}` and label names."""
    app = Flask(__name__)

    @app.get(telemetry_path)
    def metrics() -> Response:
        return _metrics(publisher)

    @app.get("/-/healthy")
    def healthy() -> Response:
        return _text("healthy")

    @app.get("/-/ready")
    def ready() -> Response:
        waiting = list(_not_ready(publisher.current.moment.sources))
        return _text("\n".join(waiting), 503) if waiting else _text("ready")

    if telemetry_path != "/":

        @app.get("/")
        def index() -> str:
            moment = publisher.current.moment
            alerts = [(known, _link(alert_url, known)) for known in _oldest_unacked(moment)]
            return render_template(
                "index.html", moment=moment, alerts=alerts, version=version, telemetry_path=telemetry_path
            )

    app.add_template_filter(_utc, "utc")
    app.register_error_handler(HTTPException, _refused)
    app.after_request(_harden)
    return app


def _metrics(publisher: Publisher) -> Response:
    # Who asks for the head alone got no zero: a series is born by a scrape.
    snapshot = publisher.current if request.method == "HEAD" else publisher.scrape()
    format_ = Format.OPENMETRICS if _wants_openmetrics(request.accept_mimetypes) else Format.TEXT
    gzipped = request.accept_encodings["gzip"] > 0
    response = Response((snapshot.gzipped if gzipped else snapshot.plain)[format_], content_type=format_.value)
    response.vary.update(("Accept", "Accept-Encoding"))
    if gzipped:
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
            yield f"source {source.name}: its first cycle is under way"


def _oldest_unacked(moment: Moment) -> list[KnownAlert]:
    unacked = [known for known in moment.open_alerts() if not known.is_acked]
    return sorted(unacked, key=lambda known: known.created_at or known.first_seen_at)[:_ALERTS_SHOWN]


def _link(alert_url: str | None, known: KnownAlert) -> str | None:
    if alert_url is None:
        return None
    fields = {**dict(known.labels), "alert_id": known.alert_id}
    # An alert has the labels of the day it was first seen: a name that the config got since is empty.
    return alert_url.format_map(defaultdict(str, {name: quote(value, safe="") for name, value in fields.items()}))


def _utc(at: float | None) -> str:
    return "—" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _text(body: str, status: int = 200) -> Response:
    return Response(f"{body}\n", status, content_type="text/plain; charset=utf-8")


def _refused(error: HTTPException) -> Response:
    return _text(f"{error.code} {error.name}", error.code or 500)


def _harden(response: Response) -> Response:
    """Nothing from elsewhere is loaded or run, whatever an alert's text holds."""
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
