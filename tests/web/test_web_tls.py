"""TLS as the web config file has it, over real sockets."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from trustme import KeyType

from exporter.web import Server, WebConfig
from tests.web.authority import Authority, write_web_file

LARGE = bytes(range(256)) * 4096

Serve = Callable[..., Server]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give an authority that has issued the server's certificate."""
    authority = Authority(tmp_path)
    authority.issue_server()
    return authority


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give a way to start a server with such a tls_server_config, besides certificate and key."""
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: LARGE)
    with ExitStack() as stopping:

        def start(**tls: Any) -> Server:
            server = Server(app, "127.0.0.1", 0, WebConfig(write_web_file(tmp_path, tls)))
            stopping.callback(server.stop)
            return server

        yield start


def get(server: Server, authority: Authority, **how: Any) -> requests.Response:
    """Ask for the page with a connection of its own."""
    return requests.get(server.url, verify=str(authority.file), timeout=5, **how)


def shown_to(server: Server, authority: Authority, context: ssl.SSLContext | None = None) -> Any:
    """Return the serial number of the certificate that a new client is shown."""
    context = context or ssl.create_default_context(cafile=authority.file)
    with (
        closing(socket.create_connection(("127.0.0.1", server.port), 5)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        certificate = sock.getpeercert()
        assert certificate
        return certificate["serialNumber"]


def test_pages_come_over_tls(serve: Serve, authority: Authority) -> None:
    """A client that trusts the authority gets the whole of a large page; the address says https."""
    server = serve()

    assert server.url.startswith("https://127.0.0.1:")
    assert get(server, authority).content == LARGE
    with requests.Session() as session:
        for _ in range(3):
            assert session.get(server.url, verify=str(authority.file), timeout=5).content == LARGE


def test_a_new_certificate_is_shown_without_a_restart(serve: Serve, authority: Authority) -> None:
    """The next client gets it, and there is no moment between its file and the key's at which nobody is served."""
    server = serve()
    first = shown_to(server, authority)
    key = (authority.folder / "server.key").read_bytes()
    authority.issue_server()
    new_key = (authority.folder / "server.key").read_bytes()

    (authority.folder / "server.key").write_bytes(key)
    assert shown_to(server, authority) == first
    (authority.folder / "server.key").unlink()
    assert shown_to(server, authority) == first
    (authority.folder / "server.key").write_bytes(new_key)

    assert shown_to(server, authority) != first
    assert get(server, authority).status_code == 200


def test_tls_is_not_switched_off_while_it_runs(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """A file without its certificate is refused like one with a fault: a password is not to travel in clear."""
    server = serve()

    write_web_file(tmp_path, http_server_config={"headers": {"X-Frame-Options": "deny"}})

    answer = get(server, authority)
    assert answer.status_code == 200
    assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize(
    ("names", "let_in"),
    [(None, True), (["prom.example.com"], True), (["other", "prom.example.com"], True), (["prom"], False)],
)
def test_a_client_needs_a_certificate(
    names: list[str] | None, let_in: bool, serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    """One of the authority's, with one of the names that are let in, if any are named; without one nothing is told."""
    allowed = {} if names is None else {"client_allowed_sans": names}
    server = serve(client_auth_type="RequireAndVerifyClientCert", client_ca_file="ca.pem", **allowed)
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere").issue_client("prom.example.com")

    for certificate in (None, stranger):
        with pytest.raises(requests.ConnectionError):
            get(server, authority, cert=certificate and str(certificate))
    client = str(authority.issue_client("prom.example.com"))
    if let_in:
        assert get(server, authority, cert=client).status_code == 200
    else:
        with pytest.raises(requests.ConnectionError):
            get(server, authority, cert=client)


@pytest.mark.parametrize("name", ["192.0.2.7", "2001:db8::7", "prom@example.com"])
def test_names_of_every_kind_let_a_client_in(name: str, serve: Serve, authority: Authority) -> None:
    """Addresses count as the toolkit writes them, IPv6 in its short form."""
    server = serve(
        client_auth_type="RequireAndVerifyClientCert", client_ca_file="ca.pem", client_allowed_sans=["x", name]
    )

    assert get(server, authority, cert=str(authority.issue_client(name))).status_code == 200


def test_a_certificate_may_be_optional(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """Whoever shows none is let in, whoever shows a stranger's is not."""
    server = serve(client_auth_type="VerifyClientCertIfGiven", client_ca=authority.file.read_text())
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere").issue_client("prom.example.com")

    assert get(server, authority).status_code == 200
    with pytest.raises(requests.ConnectionError):
        get(server, authority, cert=str(stranger))


def test_the_keys_of_tls_are_obeyed(serve: Serve, authority: Authority) -> None:
    """Version, cipher suite and curve are those of the file."""
    authority.issue_server(KeyType.RSA)
    server = serve(
        max_version="TLS12", cipher_suites=["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"], curve_preferences=["CurveP384"]
    )
    client = ssl.create_default_context(cafile=authority.file)
    client.set_ecdh_curve("secp384r1")
    with (
        closing(socket.create_connection(("127.0.0.1", server.port), 5)) as plain,
        client.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        assert sock.version() == "TLSv1.2"
        assert (sock.cipher() or [""])[0] == "ECDHE-RSA-AES256-GCM-SHA384"

    client.set_ecdh_curve("prime256v1")
    with pytest.raises(ssl.SSLError):
        shown_to(server, authority, client)
    client = ssl.create_default_context(cafile=authority.file)
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError):
        shown_to(server, authority, client)


@pytest.mark.usefixtures("authority")
def test_who_speaks_http_is_told(serve: Serve) -> None:
    """A client that forgot the s gets an answer that it can read."""
    answer = requests.get(serve().url.replace("https", "http"), timeout=5)

    assert (answer.status_code, answer.text) == (400, "this port speaks HTTPS, not HTTP\n")


def test_a_handshake_that_hangs_holds_up_nobody(serve: Serve, authority: Authority) -> None:
    """Clients that connect and say nothing, or begin and stop in the middle, while another gets its page."""
    server = serve()
    with ExitStack() as connections:
        for number in range(40):
            silent = connections.enter_context(socket.create_connection(("127.0.0.1", server.port), 5))
            silent.sendall(b"\x16\x03\x01\x02\x00"[: number % 6])
        assert get(server, authority).status_code == 200
