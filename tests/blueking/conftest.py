"""Clients of made-up sources for the tests of `blueking`, closed when the test ends, and the endpoints to ask."""

from collections.abc import Iterator

import pytest

from tests.blueking.clients import ENDPOINTS, Clients, Endpoint


@pytest.fixture
def clients() -> Iterator[Clients]:
    """Return a maker of clients, closed with the test."""
    made = Clients()
    yield made
    made.close()


@pytest.fixture(params=ENDPOINTS, ids=lambda endpoint: endpoint.name)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Return each endpoint in turn: what a test claims with it holds of both."""
    asked = request.param
    assert isinstance(asked, Endpoint)
    return asked
