"""Where the ledgers of the tests are: what a ledger does holds for every database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.moving import fill
from tests.postgresql import Server, running_server

ONLY_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""Marks a test that does to the file what only a file suffers."""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Give a PostgreSQL, the same for all tests of a worker; one may restart it."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a ledger that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/flow.db"
    server: Server = request.getfixturevalue("postgresql")
    return server.new_database().render_as_string(hide_password=False)


@pytest.fixture
def old(tmp_path: Path) -> str:
    """Return the URL of a ledger that has something of everything."""
    url = f"sqlite:///{tmp_path}/old.db"
    fill(url)
    return url
