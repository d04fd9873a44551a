"""The verdict of a soak: what it lets pass, and what it does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.soak.samples import Sample
from tests.soak.verdict import findings

MIB = 1 << 20
FLAT = Sample(
    seconds=0,
    resident=100 * MIB,
    descriptors=26,
    threads=15,
    file=MIB,
    log=4 * MIB,
    remembered=1000,
    series=1000,
    open_alerts=300,
)


def missed(grown: Callable[[float], Sample]) -> list[str]:
    """Return what is missed by half an hour of samples, each made of the minute that it is taken in."""
    samples = [replace(grown(second / 60), seconds=second) for second in range(0, 1800, 10)]
    return [finding.bound.what for finding in findings(samples) if not finding.is_met]


def test_what_is_flat_but_for_its_ups_and_downs_passes() -> None:
    """A sawtooth that is as high at the end as at the beginning is no growth, nor is what grows in the warm-up."""
    assert missed(lambda minute: replace(FLAT, resident=int((100 + 8 * (minute % 1)) * MIB))) == []
    assert missed(lambda minute: replace(FLAT, resident=int((60 + 40 * min(1, minute / 7)) * MIB))) == []
    assert missed(lambda minute: replace(FLAT, descriptors=26 + int(minute) % 3, log=int(minute % 4) * MIB)) == []


@pytest.mark.parametrize(
    ("what", "grown"),
    [
        ("resident memory, MiB", lambda minute: replace(FLAT, resident=int((100 + 0.3 * minute) * MIB))),
        ("descriptors", lambda minute: replace(FLAT, descriptors=26 + int(minute / 5))),
        ("threads", lambda minute: replace(FLAT, threads=15 + int(minute / 5))),
        ("the ledger's file, MiB", lambda minute: replace(FLAT, file=int((1 + minute / 60) * MIB))),
        ("the write-ahead log, MiB", lambda minute: replace(FLAT, log=int(minute * MIB))),
        ("alerts in the ledger", lambda minute: replace(FLAT, remembered=1000 + int(30 * minute))),
        ("series", lambda minute: replace(FLAT, series=1000 + int(30 * minute))),
    ],
)
def test_what_grows_is_missed(what: str, grown: Callable[[float], Sample]) -> None:
    """A little with each minute is enough, and nothing else is blamed."""
    assert missed(grown) == [what]
