"""The web application: endpoints over the publisher's current snapshot."""

import time
from collections.abc import Callable, Iterable, Mapping

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from exporter.flow.known import KnownAlert
from exporter.metrics import Publisher, SourceState
from exporter.web.hardening import HARDENING
from exporter.web.pages import FindAlerts, Site, add_pages
from exporter.web.plain import plain_text
from exporter.web.scrapes import Scrapes


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
    scrapes = Scrapes(publisher)

    @app.get(telemetry_path)
    def metrics() -> Scrapes:
        return scrapes

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
    response.headers.update(HARDENING)
    return response
