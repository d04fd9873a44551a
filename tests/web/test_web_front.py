"""The front: a scrape is answered without the pages, and as they would; they are made when they are needed."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from wsgiref.types import WSGIApplication

import pytest
from werkzeug.test import Client

from exporter.web import Front, Scrapes
from exporter.web.app import make_app
from tests.metrics.moments import make_moment
from tests.web.site import publisher_of

ROOT = Path(__file__).parents[2]
ACCEPTS: tuple[dict[str, str], ...] = (
    {},
    {"Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"},
    {"Accept": "application/openmetrics-text;q=2,*/*"},
    {"Accept-Encoding": "gzip"},
    {"Accept-Encoding": "identity;q=1, *;q=0.5"},
    {"Accept-Encoding": "GZIP; q=0.0, *"},
    {"Accept-Encoding": "gzip;q=nan"},
)
SCRAPE = """\
import sys, urllib.request
from exporter.commands import serving
from exporter.web import Front, Scrapes, Server
from tests.metrics.moments import make_moment
from prometheus_client import CollectorRegistry
from exporter.metrics import Publisher
publisher = Publisher(make_moment(), CollectorRegistry(), lambda: 0.0)
server = Server(Front("/metrics", Scrapes(publisher), lambda: None), "127.0.0.1", 0)
assert b"bkmonitor_flow" in urllib.request.urlopen(f"{server.url}/metrics").read()
server.stop()
print(*sys.modules)
"""


def fronted(made: list[str]) -> tuple[Front, WSGIApplication]:
    """Return a front, and the whole application that is behind it; `made` gets a word whenever that is made."""
    publisher = publisher_of(make_moment())
    app = make_app(publisher, version="1", telemetry_path="/metrics", alert_url=lambda: None)

    def make() -> WSGIApplication:
        made.append("made")
        return app

    return Front("/metrics", Scrapes(publisher), make), app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", ACCEPTS)
@pytest.mark.parametrize("query", ["", "name[]=bkmonitor_flow_records_total&name%5B%5D=up", "name[]=", "%ff=%&name[]="])
def test_a_scrape_is_answered_as_the_pages_would(method: str, headers: dict[str, str], query: str) -> None:
    """With all its headers, but that nobody makes the pages for it."""
    made: list[str] = []
    front, behind = fronted(made)

    at_front, whole = (
        Client(app).open("/metrics", method=method, headers=headers, query_string=query) for app in (front, behind)
    )

    assert (at_front.status_code, at_front.data) == (whole.status_code, whole.data)
    assert dict(at_front.headers) == dict(whole.headers)
    assert {"Content-Security-Policy", "Content-Length", "Vary"} <= set(dict(at_front.headers))
    assert made == []


def test_the_pages_are_made_once_when_they_are_needed() -> None:
    """However many ask for them at the same time."""
    made: list[str] = []
    front, _ = fronted(made)
    together = Barrier(8)

    def ask(path: str) -> int:
        together.wait()
        return Client(front).get(path).status_code

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, ["/", "/-/healthy", "/nope", "/metrics"] * 2))

    assert answers == [200, 200, 404, 200] * 2
    assert made == ["made"]


def test_the_path_of_the_metrics_takes_no_other_method() -> None:
    """Nor any other spelling; both are told by the pages."""
    made: list[str] = []
    front, _ = fronted(made)

    refused = Client(front).post("/metrics")

    assert (refused.status_code, refused.text) == (405, "405 Method Not Allowed\n")
    assert Client(front).get("/metrics/").status_code == 404


def test_until_the_first_scrape_no_page_is_imported() -> None:
    """A start is short because what a scrape does not need comes later."""
    done = subprocess.run(
        [sys.executable, "-c", SCRAPE], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )

    assert not {"exporter.explain", "exporter.web.pages", "flask", "jinja2", "werkzeug"} & set(done.stdout.split())
