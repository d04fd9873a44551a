"""Chance: the seeded generators; each purpose has its own, so that one never shifts the draws of another."""

from random import Random


def seeded(seed: int, purpose: str) -> Random:
    """Return the generator of a purpose: the same draws each time for the same seed."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - a simulation is to be repeatable, not unpredictable
