"""The health check of the image: what it takes for a sign of life, from servers as they are, and what not."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from exporter.healthcheck import UnhealthyError, check
from exporter.web import Server, WebConfig
from tests.web.authority import Authority, hashed, write_web_file

SOON = 0.1  # seconds until it gives up on somebody who will never answer
WANTS_CERTIFICATE = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}
WANTS_NAME = {
    "client_auth_type": "VerifyClientCertIfGiven",
    "client_ca_file": "ca.pem",
    "client_allowed_sans": ["prometheus"],
}
USERS = {"prometheus": hashed()}

Serve = Callable[..., int]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give a way to start our server behind such a web config file; what it serves is a page of this status."""
    Authority(tmp_path).issue_server()
    with ExitStack() as stopping:

        def start(status: int = 200, **sections: Any) -> int:
            app = Flask(__name__)
            app.add_url_rule("/-/healthy", "healthy", lambda: ("", status))
            server = Server(app, "127.0.0.1", 0, WebConfig(write_web_file(tmp_path, **sections)))
            stopping.callback(server.stop)
            return server.port

        yield start


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Give a socket that listens, and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        yield sock


def port_of(sock: socket.socket) -> int:
    """Return the port that a socket has."""
    return int(sock.getsockname()[1])


def told_by_command(*arguments: str) -> tuple[int, str]:
    """Return exit code and message of the command, as the image starts it."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "exporter.healthcheck", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"basic_auth_users": USERS},
        {"tls": {}},
        {"tls": {"min_version": "TLS13"}},
        {"tls": {}, "basic_auth_users": USERS},
        {"tls": WANTS_CERTIFICATE},
        {"tls": {**WANTS_CERTIFICATE, "max_version": "TLS12"}},
        {"tls": WANTS_NAME},
    ],
    ids=["plain", "users", "TLS", "TLS 1.3", "TLS and users", "certificates", "certificates by TLS 1.2", "names"],
)
def test_an_exporter_that_answers_is_alive(sections: dict[str, Any], serve: Serve) -> None:
    """Whether it lets us in or not."""
    check("127.0.0.1", serve(**sections))


def test_an_exporter_that_others_keep_busy_is_alive(serve: Serve) -> None:
    """Its rate limit holds for the health check too; a restart would not help."""
    port = serve(rate_limit={"interval": "1h", "burst": 1})

    for _ in range(3):
        check("127.0.0.1", port)


@pytest.mark.parametrize("sections", [{}, {"tls": {}}], ids=["plain", "TLS"])
@pytest.mark.parametrize("status", [404, 500, 503])
def test_another_answer_is_no_sign_of_life(status: int, sections: dict[str, Any], serve: Serve) -> None:
    """Something is wrong there, or it is no exporter."""
    with pytest.raises(UnhealthyError, match=rf"^it answers HTTP {status}$"):
        check("127.0.0.1", serve(status, **sections))


def test_nobody_there(listener: socket.socket) -> None:
    """A port that nobody listens on is told as that."""
    port = port_of(listener)
    listener.close()

    with pytest.raises(UnhealthyError, match=r"^Connection refused$"):
        check("127.0.0.1", port)


def test_one_that_is_silent(listener: socket.socket) -> None:
    """A process that hangs still has its connections accepted by the kernel."""
    with pytest.raises(UnhealthyError, match=r"^no answer within 0\.1 s$"):
        check("127.0.0.1", port_of(listener), within=SOON)


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        (b"220 mail.example.com ready\r\n", r"^it speaks neither HTTP nor TLS: [A-Z_]+$"),
        (b"", r"^it speaks neither HTTP nor TLS: .+$"),
    ],
    ids=["mail", "hangs up"],
)
def test_one_that_is_no_web_server(greeting: bytes, told: str, listener: socket.socket) -> None:
    """What speaks neither HTTP nor TLS is no exporter, and what hangs up at once neither."""

    def greet() -> None:
        for _ in range(2):  # plain, and TLS
            with closing(listener.accept()[0]) as client:
                client.sendall(greeting)
                client.recv(4096)

    greeter = threading.Thread(target=greet)
    greeter.start()
    with pytest.raises(UnhealthyError, match=told):
        check("127.0.0.1", port_of(listener))
    greeter.join()


def test_the_command_says_what_it_found(serve: Serve, listener: socket.socket) -> None:
    """Code 0 without a word, 1 with a line that says why, 2 for an address that is none."""
    gone = port_of(listener)
    listener.close()

    assert told_by_command(f"localhost:{serve()}") == (0, "")
    assert told_by_command(f"127.0.0.1:{gone}") == (1, f"127.0.0.1:{gone}: Connection refused\n")
    for wrong in ("10845", ":10845", "localhost:http"):
        assert told_by_command(wrong) == (2, f"expected one HOST:PORT such as 127.0.0.1:10845, got {wrong!r}\n")


def test_it_starts_quickly() -> None:
    """It runs every few seconds beside the exporter: it imports no library, nor anything else of ours."""
    script = "import sys; import exporter.healthcheck; print(*{name.partition('.')[0] for name in sys.modules})"
    bare = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    own, always = (
        set(
            subprocess.run(
                [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
            ).stdout.split()
        )
        for code in (script, bare)
    )

    assert {name for name in own - always if name not in sys.stdlib_module_names} == {"exporter"}
    assert not own & {"asyncio", "email", "http", "logging", "urllib"}
