"""The decisions: each has a number of its own."""

from pathlib import Path

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"


def test_decisions_are_numbered_once() -> None:
    """Two that are made at the same time do not get one number, and none is left out."""
    numbers = sorted(int(path.name[:4]) for path in DECISIONS.glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))
