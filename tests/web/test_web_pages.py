"""What the exporter serves, and to whom in which form."""

import gzip
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from exporter.metrics import Format, Moment, Publisher
from exporter.web import ListenError, Server, parse_address
from exporter.web.app import make_app
from tests.metrics.moments import make_moment, make_state

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
TEXT_FIRST = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def make_publisher(moment: Moment | None = None) -> Publisher:
    """Return a publisher that holds one snapshot."""
    return Publisher(moment or make_moment(), CollectorRegistry(), lambda: 42.0)


def application(moment: Moment | None = None, telemetry_path: str = "/metrics") -> Flask:
    """Return the application on one snapshot."""
    return make_app(make_publisher(moment), version="1.2.3", telemetry_path=telemetry_path, alert_url=lambda: None)


@pytest.fixture
def client() -> FlaskClient:
    """Give a client of the application."""
    return application().test_client()


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        (None, Format.TEXT),
        ("*/*", Format.TEXT),
        (BROWSER, Format.TEXT),
        ("text/plain", Format.TEXT),
        (TEXT_FIRST, Format.TEXT),
        (PROMETHEUS_2, Format.OPENMETRICS),
        (PROMETHEUS_3, Format.OPENMETRICS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0", Format.TEXT),
        ("application/openmetrics-text;q=2", Format.TEXT),
        ("Application/OpenMetrics-Text; version=1.0.0; q=0.5, text/plain;q=0.50", Format.OPENMETRICS),
        ("nonsense;;;,,=", Format.TEXT),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str | None, format_: Format, client: FlaskClient) -> None:
    """Prometheus gets OpenMetrics, everybody who does not name it gets text."""
    answer = client.get("/metrics", headers={} if accept is None else {"Accept": accept})

    assert answer.content_type == format_.value
    assert answer.data.endswith(b"# EOF\n") == (format_ is Format.OPENMETRICS)


def test_gzip_is_for_those_who_take_it(client: FlaskClient) -> None:
    """The compressed body is the plain one, and caches are told what it depends on."""
    plain = client.get("/metrics")
    zipped = client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    any_ = client.get("/metrics", headers={"Accept-Encoding": "br, *;q=0.1"})
    refused = client.get("/metrics", headers={"Accept-Encoding": "gzip;q=0, *"})

    assert gzip.decompress(zipped.data) == plain.data == refused.data
    assert any_.data == zipped.data
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in refused.headers
    assert set(plain.vary) == {"Accept", "Accept-Encoding"}


def test_a_scrape_is_noted_a_look_at_the_page_is_not() -> None:
    """Only who reads the body of /metrics sees a series born."""
    young = make_moment()
    totals = {series: replace(total, revealed=False) for series, total in young.view.totals.items()}
    publisher = make_publisher(make_moment(totals))
    client = make_app(publisher, version="1", telemetry_path="/metrics", alert_url=lambda: None).test_client()

    client.get("/")
    client.get("/-/ready")
    client.head("/metrics")
    assert list(publisher.take_served()) == []
    client.get("/metrics")
    assert len(list(publisher.take_served())) == 1


def test_health_and_readiness(client: FlaskClient) -> None:
    """Healthy while it answers; ready once every source had its first cycle, with the reason before."""
    starting = application(make_moment(state=make_state(cycled=False))).test_client()

    assert (client.get("/-/healthy").status_code, client.get("/-/healthy").text) == (200, "healthy\n")
    assert (client.get("/-/ready").status_code, client.get("/-/ready").text) == (200, "ready\n")
    assert starting.get("/-/healthy").status_code == 200
    assert starting.get("/-/ready").status_code == 503
    assert starting.get("/-/ready").text == "source prod: its first cycle is under way\n"


def test_other_paths_and_methods_are_refused_in_plain_text(client: FlaskClient) -> None:
    """A wrong path or method is told in a line."""
    assert (client.get("/nope").status_code, client.get("/nope").text) == (404, "404 Not Found\n")
    refused = client.post("/metrics")
    assert (refused.status_code, refused.text) == (405, "405 Method Not Allowed\n")
    assert set(refused.allow) == {"GET", "HEAD", "OPTIONS"}
    assert client.head("/metrics").status_code == 200


def test_the_telemetry_path_is_free() -> None:
    """Metrics may live anywhere, also at the root; then there is no page."""
    assert application(telemetry_path="/probe/metrics").test_client().get("/probe/metrics").status_code == 200
    assert "bkmonitor_flow" in application(telemetry_path="/").test_client().get("/").text


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server on a free port."""
    server = Server(application(), "127.0.0.1", 0)
    yield server
    server.stop()


def test_a_real_server_serves_it(server: Server) -> None:
    """Over a socket, with a client's own decompression."""
    answer = requests.get(f"{server.url}/metrics", timeout=5)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert "bkmonitor_flow_records_total" in answer.text
    assert requests.get(f"{server.url}/static/style.css", timeout=5).status_code == 200


def test_slow_clients_hold_up_neither_a_scrape_nor_the_end(server: Server) -> None:
    """A dozen connections that stop in the middle of a head: a scrape is answered, and the end breaks them off."""
    with ExitStack() as connections:
        slow = [connections.enter_context(socket.create_connection(("127.0.0.1", server.port), 30)) for _ in range(12)]
        for connection in slow:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        assert requests.get(f"{server.url}/metrics", timeout=30).status_code == 200
        server.stop()
        # Who had been waited for would be told that its time is over.
        assert [connection.recv(100) for connection in slow] == [b""] * 12


@pytest.mark.parametrize("line", [b"GET http://[ HTTP/1.1", b"GET //[ HTTP/1.1"])
def test_an_address_that_is_none_is_refused_in_silence(
    line: bytes, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client is at fault, not the server: there is no traceback with which a stranger could fill the log."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(line + b"\r\nHost: x\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 400"

    assert "Traceback" not in capsys.readouterr().out


def test_a_huge_head_is_refused(server: Server) -> None:
    """A request whose headers have no end is cut off."""
    answer = requests.get(f"{server.url}/metrics", headers={"X-Long": "x" * 100_000}, timeout=5)

    assert answer.status_code == 413


# Cheroot leaves the socket of a failed bind to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_an_address_in_use_is_an_error_with_its_name(server: Server) -> None:
    """Two exporters on one port: the second says which port."""
    with pytest.raises(ListenError, match=rf"cannot listen on 127\.0\.0\.1:{server.port}"):
        Server(application(), "127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:9100", ("::1", 9100)), ("localhost:80", ("localhost", 80))],
)
def test_addresses_are_read(address: str, expected: tuple[str, int]) -> None:
    """Host and port, IPv6 in brackets."""
    assert parse_address(address) == expected


def test_a_port_alone_is_every_interface() -> None:
    """`:10845` listens on all addresses, of both families where there are two."""
    assert parse_address(":10845") in {("::", 10845), ("0.0.0.0", 10845)}


@pytest.mark.parametrize("address", ["", "10845", "host", "host:", "host:http", ":70000", "::1:80", ":-1", ":٣"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """The error says what would be right."""
    with pytest.raises(ValueError, match="expected an"):
        parse_address(address)
