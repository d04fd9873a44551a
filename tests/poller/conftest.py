"""A desk for the tests of source pollers, and a PostgreSQL for those that share a ledger."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.poller.desk import BORN, Desk
from tests.poller.members import Members
from tests.postgresql import Server, running_server


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk on an empty ledger, which watches by a file."""
    made = Desk(tmp_path, BORN)
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Give a PostgreSQL, the same for all tests of a worker."""
    with running_server() as server:
        yield server


@pytest.fixture
def members(tmp_path: Path, postgresql: Server) -> Iterator[Members]:
    """Give an empty database to share."""
    with ExitStack() as closing:
        yield Members(tmp_path, postgresql, closing)
