"""A real PostgreSQL for the tests: Debian's, with a cluster of its own that ends with them."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine, text

from tests.e2e.harness import wait_until
from tests.e2e.prometheus import free_port

PASSWORD = "hush-hush"
_USER = "flow"
_DEBIAN = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root; Debian's package makes this user for it.
_RUNS_AS = "postgres" if os.geteuid() == 0 else None
_SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=20",
    "listen_addresses=127.0.0.1",
)


class Server:
    """A running server, at a port of 127.0.0.1 with a password, and at a socket in `folder` without one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self.port = free_port()
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        if _RUNS_AS:
            for path in (folder, password_file):
                shutil.chown(path, _RUNS_AS, _RUNS_AS)
        how = ("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password_file}", "--no-sync")
        what = ("--encoding=UTF8", "--locale=C", f"--username={_USER}", f"--pgdata={folder}/data")
        subprocess.run([_program("initdb"), *how, *what], check=True, capture_output=True, user=_RUNS_AS, timeout=120)
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = (*_SETTINGS, f"port={self.port}", f"unix_socket_directories={self._folder}")
        command = [_program("postgres"), f"-D{self._folder}/data", *(f"-c{setting}" for setting in settings)]
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=_RUNS_AS, group=_RUNS_AS)
        asking = [_program("pg_isready"), "--quiet", f"--host={self._folder}", f"--port={self.port}"]
        wait_until(lambda: subprocess.run(asking, check=False, timeout=30).returncode == 0, within=60)

    def stop(self) -> None:
        """End the server at once, as a crash would; what was committed is there after the next start."""
        self._process.send_signal(signal.SIGQUIT)  # its "immediate shutdown"
        self._process.wait(60)

    def new_database(self, *options: str) -> URL:
        """Make an empty database; return its URL, over TCP and with the password."""
        name = f"ledger_{next(self._numbers)}"
        self.run("postgres", f"CREATE DATABASE {name} {' '.join(options)}")
        return self.url(name)

    def url(self, database: str) -> URL:
        """Return the URL of a database."""
        return URL.create("postgresql+psycopg", _USER, PASSWORD, "127.0.0.1", self.port, database)

    def run(self, database: str, statement: str, /, **values: object) -> list[tuple[object, ...]]:
        """Run a statement in a session of its own, and return its rows."""
        socket = URL.create("postgresql+psycopg", _USER, database=database, query={"host": str(self._folder)})
        engine = create_engine(socket.set(port=self.port), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                result = connection.execute(text(statement), values)
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            engine.dispose()

    def terminate_sessions(self, database: str) -> None:
        """End every session on a database, whatever it is doing."""
        asked = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :database"
        self.run("postgres", asked, database=database)


@contextmanager
def running_server() -> Iterator[Server]:
    """Give a server of its own, which ends with the block."""
    # Not a folder of pytest's: a socket's name has 107 bytes at most, and only its own user may look into that one.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        server = Server(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str:
    """Return the path of one of the server's programs, of the newest version there is."""
    versions = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(versions[-1]) if versions else name
