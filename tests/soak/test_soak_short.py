"""A soak of some seconds: that it works, so that the one of half an hour does."""

from pathlib import Path

from tests.soak.page import page, row, summary
from tests.soak.samples import Sample
from tests.soak.soak import Plan, soak


def test_a_short_soak_ends_with_the_truth(tmp_path: Path) -> None:
    """It samples, makes its demands, reloads in both ways; each metric is right, and the page tells of it."""
    told: list[Sample] = []

    soaked = soak(tmp_path, Plan(seconds=12, seed=7, sample_every=0.5, reload_every=2), told.append)

    assert soaked.wrong == {}
    assert soaked.samples == told
    assert soaked.answers > len(told) > 2
    assert soaked.reloads > 1
    assert soaked.lived > told[-1].remembered > told[-1].open_alerts > 0
    assert row(told[-1]) in page(soaked, seed=7)
    assert "every flow metric is what the simulators know to be true" in "".join(summary(soaked))
