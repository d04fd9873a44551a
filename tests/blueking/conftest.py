"""Clients of made-up sources for the tests of `blueking`; whatever they open is closed when the test ends."""

from collections.abc import Iterator

import pytest

from tests.blueking.clients import Clients


@pytest.fixture
def clients() -> Iterator[Clients]:
    """Return a maker of clients, closed with the test."""
    made = Clients()
    yield made
    made.close()
