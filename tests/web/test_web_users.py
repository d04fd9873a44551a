"""Who is let in by name and password, and what it costs."""

import base64
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from flask import Flask
from werkzeug.test import Client

from exporter.config import ConfigError, Secret
from exporter.web.guard import Guard
from exporter.web.users import Passwords
from exporter.web.web_config import WebConfig
from tests.descriptors import no_descriptors
from tests.web.authority import PASSWORD, hashed, write_web_file


def application() -> Flask:
    """Return an application with a page, a health endpoint and a header of its own."""
    app = Flask(__name__)
    for path in ("/", "/-/healthy"):
        app.add_url_rule(path, path, lambda: ("hello", {"X-Frame-Options": "sameorigin", "X-Own": "1"}))
    return app


def guarded(folder: Path, clock: Callable[[], float] = lambda: 0.0, **sections: Any) -> Client:
    """Return a client of the application behind a web config file."""
    return Client(Guard(application(), WebConfig(write_web_file(folder, **sections)), clock))


def basic(name: str, password: str) -> dict[str, str]:
    """Return the header of a name and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.mark.parametrize("path", ["/", "/-/healthy", "/nowhere"])
def test_nothing_is_told_to_whom_nobody_knows(path: str, tmp_path: Path) -> None:
    """Health and what does not exist are behind the users as well, as with the exporter-toolkit."""
    client = guarded(tmp_path, basic_auth_users={"alice": hashed()})

    for headers in ({}, basic("alice", "wrong"), basic("bob", PASSWORD), basic("alice", ""), basic("", PASSWORD)):
        refused = client.get(path, headers=headers)
        assert (refused.status_code, refused.text) == (401, "401 Unauthorized\n")
        assert refused.headers["WWW-Authenticate"].startswith('Basic realm="')
    assert client.get(path, headers=basic("alice", PASSWORD)).status_code == (404 if path == "/nowhere" else 200)


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic YWxpY2U=", "Bearer x", "Basic é", ""])
def test_a_header_that_is_no_password_is_refused(header: str, tmp_path: Path) -> None:
    """Whatever stands in Authorization, the answer is 401 and no error."""
    client = guarded(tmp_path, basic_auth_users={"a": hashed()})

    assert client.get("/", headers={"Authorization": header}).status_code == 401


def test_without_users_everybody_is_let_in(tmp_path: Path) -> None:
    """A file may have headers alone."""
    assert guarded(tmp_path, http_server_config={"http2": False}).get("/").status_code == 200


def test_headers_are_on_every_answer(tmp_path: Path) -> None:
    """On a refusal, too; they take the place of the application's own, and a blank one does not."""
    headers = {"X-Frame-Options": "deny", "Content-Security-Policy": ""}
    client = guarded(tmp_path, http_server_config={"headers": headers}, basic_auth_users={"a": hashed()})

    refused, answered = client.get("/"), client.get("/", headers=basic("a", PASSWORD))

    assert refused.status_code == 401
    assert refused.headers.getlist("X-Frame-Options") == answered.headers.getlist("X-Frame-Options") == ["deny"]
    assert answered.headers["X-Own"] == "1"
    assert "Content-Security-Policy" not in answered.headers


def test_users_change_while_it_runs(tmp_path: Path) -> None:
    """A new password counts at once, the old one no more, though it was remembered as right; a user can go."""
    client = guarded(tmp_path, basic_auth_users={"alice": hashed(), "bob": hashed()})
    assert client.get("/", headers=basic("alice", PASSWORD)).status_code == 200

    write_web_file(tmp_path, basic_auth_users={"alice": hashed("new")})

    assert client.get("/", headers=basic("alice", PASSWORD)).status_code == 401
    assert client.get("/", headers=basic("alice", "new")).status_code == 200
    assert client.get("/", headers=basic("bob", PASSWORD)).status_code == 401


@pytest.mark.parametrize("broken", ["", "basic_auth_users: {alice: plain}", "{", "basic_auth_user: {}"])
def test_a_broken_file_lets_nobody_in_who_was_not(broken: str, tmp_path: Path) -> None:
    """Cut off, with a fault or misspelled: the last good users stay, until the file is good again."""
    file = write_web_file(tmp_path, basic_auth_users={"alice": hashed()})
    client = Client(Guard(application(), WebConfig(file)))

    file.write_text(broken)

    assert client.get("/").status_code == 401
    assert client.get("/", headers=basic("alice", PASSWORD)).status_code == 200
    write_web_file(tmp_path, basic_auth_users={"bob": hashed()})
    assert client.get("/", headers=basic("bob", PASSWORD)).status_code == 200


def test_a_broken_file_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each change of the file, however often it is looked at, with the fault and without the secret."""
    file = write_web_file(tmp_path, basic_auth_users={"alice": hashed()})
    config = WebConfig(file)

    file.write_text("basic_auth_users: {alice: hush}")
    for _ in range(3):
        assert list(config.current.basic_auth_users) == ["alice"]

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "basic_auth_users.alice: expected a bcrypt hash" in lines[0]
    assert "hush" not in lines[0]


def test_a_file_that_was_out_of_reach_is_read_as_soon_as_it_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user who went while no file could be opened is let in no longer than that; the log tells it once."""
    config = WebConfig(write_web_file(tmp_path, basic_auth_users={"alice": hashed(), "bob": hashed()}))
    write_web_file(tmp_path, basic_auth_users={"bob": hashed()})

    with no_descriptors():
        for _ in range(3):
            assert "alice" in config.current.basic_auth_users

    assert list(config.current.basic_auth_users) == ["bob"]
    refused, read = capsys.readouterr().out.splitlines()
    assert "Too many open files" in refused
    assert "web config file re-read" in read


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    """Between its removal and its return the last one stays in force."""
    file = write_web_file(tmp_path, basic_auth_users={"alice": hashed()})
    config = WebConfig(file)
    file.unlink()
    assert "alice" in config.current.basic_auth_users

    with pytest.raises(ConfigError, match="no such file"):
        WebConfig(file)


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the list of the hashes that bcrypt checked a password against: what takes time, by its cost."""
    checked: list[bytes] = []
    check = bcrypt.checkpw

    def noted(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", noted)
    return checked


def test_who_is_unknown_costs_as_much_as_a_wrong_password(paid: list[bytes]) -> None:
    """The time does not tell who exists: of users with different costs, a stranger is always like the same one."""
    passwords, users = Passwords(), {name: Secret(hashed(cost=cost)) for name, cost in (("alice", 4), ("bob", 5))}
    hashes = {name: secret.reveal().encode() for name, secret in users.items()}

    for name in ("alice", "bob", "bob", *["mallory"] * 3, "", "\udcff"):
        assert not passwords.allow(users, name, b"wrong")

    assert paid[:3] == [hashes["alice"], hashes["bob"], hashes["bob"]]
    assert len(paid) == 8
    assert len(set(paid[3:6])) == 1
    assert set(paid[3:]) <= set(hashes.values())


def test_a_right_password_costs_once(paid: list[bytes]) -> None:
    """A scrape every few seconds does not pay for bcrypt; a wrong password in between changes nothing of that."""
    passwords, users = Passwords(), {"alice": Secret(hashed())}

    tried = (PASSWORD, PASSWORD, "wrong", "wrong", PASSWORD)
    assert [passwords.allow(users, "alice", password.encode()) for password in tried] == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert len(paid) == 3


def test_bcrypt_looks_at_72_bytes() -> None:
    """What is longer is cut off, as htpasswd and Go do, and is no error."""
    password = "x" * 80
    users = {"alice": Secret(hashed(password[:72]))}

    assert Passwords().allow(users, "alice", password.encode())
    assert not Passwords().allow(users, "alice", b"y" * 80)


def test_whoever_guesses_takes_no_more_than_a_few_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nine guesses at once one is told to come back; who was let in before still is."""
    client = guarded(tmp_path, basic_auth_users={"alice": hashed()})
    assert client.get("/", headers=basic("alice", PASSWORD)).status_code == 200
    refused, goes_on = threading.Event(), threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", lambda _password, _hashed: not goes_on.wait(10))
    told: list[int] = []

    def guess() -> None:
        told.append(client.get("/", headers=basic("alice", "wrong")).status_code)
        refused.set()

    threads = [threading.Thread(target=guess) for _ in range(9)]
    for thread in threads:
        thread.start()
    assert refused.wait(10)
    assert told == [503]
    assert client.get("/", headers=basic("alice", PASSWORD)).status_code == 200
    goes_on.set()
    for thread in threads:
        thread.join()
    assert told == [503, *[401] * 8]


def test_requests_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    """A burst, then one each interval; the limit is that of all clients together, as in the toolkit."""
    now = [0.0]
    client = guarded(tmp_path, lambda: now[0], rate_limit={"interval": "2s", "burst": 3})

    assert [client.get("/").status_code for _ in range(4)] == [200, 200, 200, 429]
    now[0] = 2.0
    assert [client.get("/").status_code for _ in range(2)] == [200, 429]
    write_web_file(tmp_path, rate_limit={"interval": 0})
    assert client.get("/").status_code == 200
