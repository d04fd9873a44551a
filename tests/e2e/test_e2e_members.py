"""Dashboards and rules tell the same of one exporter and of several that share a ledger, whoever comes and goes."""

import time
from pathlib import Path

import pytest

from tests.e2e.harness import wait_until
from tests.e2e.members import ALONE, SHARED, Answers, Scene, scene

LIVE = 8.0  # seconds, in which members come and go
OF_THE_EXPORTER = {"Data are as old as, A": "when who asked last"}
# What Prometheus says where it scrapes two members in one millisecond while series go from the one to the other.
_BY_CHANCE = "Error on ingesting samples with different value but same timestamp"
# Rounded, counts of less than 50 must be the same; others, and what rules do not round, Prometheus extrapolates.
ABOUT_SHOWN, ABOUT_DECIDED = 0.02, 0.1


def test_the_numbers_are_the_same_for_one_and_for_several_whoever_comes_and_goes(tmp_path: Path) -> None:
    """Every query on alerts has the same answer, over a time in which one comes and one stops, and after one died.

    So have the rules, and the same alerts fire. What both tell is the simulator's truth.
    """
    with scene(tmp_path) as told:
        first, second = told.members
        for acts in ([told.come, first.stop], [second.kill]):
            told.live(LIVE, *acts)
            told.settle()
            wait_until(lambda: not differing(told), within=30)
            assert differing(told) == {}
        assert [line for line in told.prometheus.complaints() if _BY_CHANCE not in line] == []


def differing(told: Scene) -> dict[str, tuple[Answers, Answers]]:
    """Return what is shown or decided otherwise of the one than of the several."""
    at = time.time()
    found: dict[str, tuple[Answers, Answers]] = {}
    for asked, about in ((told.shown, ABOUT_SHOWN), (told.decided, ABOUT_DECIDED)):
        alone, shared = asked(ALONE, at), asked(SHARED, at)
        assert sum(map(bool, alone.values())) > 0.8 * len(alone)  # nothing would be the same as nothing
        found |= {
            name: (alone[name], shared[name])
            for name in alone.keys() - OF_THE_EXPORTER.keys()
            if shared[name] != {labels: pytest.approx(values, rel=about) for labels, values in alone[name].items()}
        }
    return found
