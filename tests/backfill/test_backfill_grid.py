"""The grid: at which point something shows, which timestamps there are, and which samples can be left out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.backfill import Grid

GRID = Grid(1000.0, 1250.0, 60.0)


@pytest.mark.parametrize(
    ("at", "index"), [(0, 0), (1000, 0), (1000.1, 1), (1060, 1), (1061, 2), (1240, 4), (1241, 5), (1250, 5), (1251, 6)]
)
def test_what_happened_shows_at_the_next_point(at: float, index: int) -> None:
    """Never before it happened, and what comes after the range never."""
    assert GRID.index(at) == index


def test_the_last_point_is_the_end_of_the_range() -> None:
    """Also where the step does not fit, or what happened last would be lost."""
    assert GRID.stamps() == ["1000.001", "1060", "1120", "1180", "1240", "1250"]
    assert Grid(1000.0, 1120.0, 60.0).stamps() == ["1000.001", "1060", "1120"]


def test_ranges_that_touch_share_no_moment() -> None:
    """One series cannot have two values at once."""
    first, second = Grid(1000.0, 1120.0, 60.0), Grid(1120.0, 1180.0, 60.0)

    assert set(first.stamps()).isdisjoint(second.stamps())


@given(
    st.sampled_from([1.0, 7.0, 15.0, 60.0, 90.0, 150.0, 300.0]),
    st.integers(1, 5000),
    st.sets(st.integers(1, 200), max_size=8),
)
def test_what_is_left_out_changes_nothing_that_prometheus_tells(step: float, length: int, changes: set[int]) -> None:
    """Every change is told with the value just before it, and no two samples are more than five minutes apart."""
    grid = Grid(0.0, float(length), step)
    told = list(grid.spread([(0, 0), *((point, point) for point in sorted(changes))]))
    points = [point for point, _ in told]
    within = {change for change in changes if change < len(grid)}

    assert points == sorted(set(points))
    assert points[0] == 0
    assert points[-1] == len(grid) - 1
    assert all(value == max({0, *(c for c in within if c <= point)}) for point, value in told)
    assert within | {change - 1 for change in within} <= set(points)
    assert all((b - a) * step <= max(300.0, step) for a, b in pairwise(points))
