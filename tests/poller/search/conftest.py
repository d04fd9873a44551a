"""A desk that watches by search, and a source to search."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.poller.desk import BORN, Desk
from tests.poller.searching import SEARCH, Server


@pytest.fixture
def server() -> Server:
    """Give a server without alerts."""
    return Server()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk that watches by search."""
    made = Desk(tmp_path, BORN, watch=SEARCH)
    made.poller.select(made.now)
    yield made
    made.close()
