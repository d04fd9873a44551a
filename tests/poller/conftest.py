"""A desk for the tests of source pollers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.poller.desk import BORN, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk on an empty ledger, which watches by a file."""
    made = Desk(tmp_path, BORN)
    yield made
    made.close()
