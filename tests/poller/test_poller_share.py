"""The share of a source: which of its alerts, and how much of its limits."""

import pytest

from exporter.config import RateLimitSettings
from exporter.flow.shards import ONE_SHARD, Shards
from exporter.poller.share import Share, part_of
from exporter.watch.selection import Selected

SELECTION = {f"{number}": Selected((), "") for number in range(100)}


def test_one_shard_has_the_whole_selection_as_it_is() -> None:
    """Nothing is copied, and nothing is looked at."""
    assert Share("prod", ONE_SHARD, frozenset({0})).of(SELECTION) is SELECTION


def test_shares_part_a_selection() -> None:
    """Each alert is in one of them; the part is the same object as long as the selection and the shards are."""
    shares = [Share("prod", Shards(3), frozenset({shard})) for shard in range(3)]
    parts = [share.of(SELECTION) for share in shares]

    assert sorted(alert_id for part in parts for alert_id in part) == sorted(SELECTION)
    assert all(parts)
    assert [share.of(SELECTION) for share in shares] == parts
    assert shares[0].of(SELECTION) is parts[0]
    assert shares[0].of(dict(SELECTION)) is not parts[0]
    shares[0].owned = frozenset({0, 1})
    assert shares[0].of(SELECTION).keys() == parts[0].keys() | parts[1].keys()


@pytest.mark.parametrize(
    ("members", "expected"), [(1, (10.0, 20, 4)), (3, (10 / 3, 6, 1)), (4, (2.5, 5, 1)), (30, (1 / 3, 1, 1))]
)
def test_limits_are_divided_by_members(members: int, expected: tuple[float, int, int]) -> None:
    """Together they ask no faster in the long run than one would."""
    limits = RateLimitSettings(requests_per_second=10.0, burst=20, concurrency=4)

    part = part_of(limits, members)

    assert (part.requests_per_second, part.burst, part.concurrency) == expected
    assert members * part.requests_per_second == pytest.approx(10.0)
