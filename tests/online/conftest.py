"""Fixtures of the checks: simulated sources that end with their test."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from exporter.simulator import Life, Simulator
from tests.online.sources import Start, make_simulator


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a simulated source."""
    with ExitStack() as running:

        def start(lives: Iterable[Life] | None = None, **settings: Any) -> Simulator:
            return running.enter_context(make_simulator(lives, **settings))

        yield start
