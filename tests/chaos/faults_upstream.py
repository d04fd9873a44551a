"""Faults of the deployments, and of the wire to them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from random import Random

from exporter.simulator.faults import REQUEST_FAULTS
from tests.chaos import monsters
from tests.chaos.fault import Fault, Strike
from tests.chaos.stage import Stage
from tests.chaos.upstream import TIMEOUT, Upstream
from tests.chaos.wire import Told, Wire

_POISONED = 3


def _by_each(strike: Callable[[Upstream, Random], AbstractContextManager[None]]) -> Strike:
    """Return what strikes one of the deployments, or both."""

    @contextmanager
    def struck(stage: Stage, chance: Random) -> Iterator[None]:
        with ExitStack() as all_struck:
            for upstream in stage.struck(chance):
                all_struck.enter_context(strike(upstream, chance))
            yield

    return struck


def _answering(fault: str) -> Strike:
    def strike(upstream: Upstream, chance: Random) -> AbstractContextManager[None]:
        share = chance.choice((0.5, 1.0))
        return upstream.switched(**{fault: share}, slow_seconds=2 * TIMEOUT, retry_after=2.0)

    return _by_each(strike)


@_by_each
@contextmanager
def _all_at_once(upstream: Upstream, _chance: Random) -> Iterator[None]:
    shares = dict.fromkeys(("reset", "http_500", "http_502_html", "not_json", "empty_body", "cut_json", "slow"), 0.1)
    with upstream.switched(**shares):
        yield


@contextmanager
def _poisoned(stage: Stage, chance: Random) -> Iterator[None]:
    with ExitStack() as all_struck:
        for upstream in stage.struck(chance):
            newest = sorted(upstream.ids(stage.now()))[-2 * _POISONED :]
            all_struck.enter_context(upstream.switched(poison=chance.sample(newest, min(_POISONED, len(newest)))))
        yield


def _on_the_wire(strike: Callable[[Wire], AbstractContextManager[None]]) -> Strike:
    return _by_each(lambda upstream, _chance: strike(upstream.wire))


def _telling(told: Told) -> Strike:
    return _on_the_wire(lambda wire: wire.telling(told))


@contextmanager
def _nameless(stage: Stage, _chance: Random) -> Iterator[None]:
    with stage.no_names():
        yield


FAULTS = (
    *(Fault(f"upstream-{name}", f"requests end in {name}", _answering(name)) for name in (*REQUEST_FAULTS, "slow")),
    Fault("upstream-mixture", "each request may meet one of seven faults", _all_at_once),
    Fault("upstream-poison", "three alerts cannot be read", _poisoned),
    Fault("dns-failure", "no name resolves", _nameless),
    Fault("refused", "nobody listens there", _on_the_wire(Wire.refusing)),
    Fault("half-open", "connections are dead, and nobody says so", _on_the_wire(Wire.half_open)),
    Fault("slow-loris", "answers come byte by byte", _on_the_wire(Wire.dripping)),
    Fault("gigabyte", "answers of 1 GiB", _telling(monsters.gigabyte)),
    Fault("endless", "answers that never end", _telling(monsters.endless)),
    Fault("deep", "half a million lists, one within the other", _telling(monsters.deep)),
    Fault("crowded", "ten million values", _telling(monsters.crowded)),
    Fault("bomb", "1 GiB, packed into 1 MiB", _telling(monsters.bomb)),
    Fault("bomb-in-a-bomb", "the same, packed twice", _telling(monsters.bomb_in_a_bomb)),
)
