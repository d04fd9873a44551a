"""Inputs made by chance from a corpus, and not by coverage: several times as many in a second as atheris tries."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from zlib import crc32

from tests.fuzz.edits import PIECES

_MOST_EDITS = 6
_LONGEST_PIECE = 12
_SMALL = 5000  # bytes: larger inputs are tried once, by `make test`


def fuzz_blindly(harness: Callable[[bytes], None], corpus: Path, *, seconds: float, seed: int) -> int:
    """Return how many inputs a harness passes in that time; one that it does not is kept in the corpus, and raises."""
    chance, passed, end = Random(seed), 0, time.monotonic() + seconds
    seeds = [content for path in sorted(corpus.iterdir()) if len(content := path.read_bytes()) < _SMALL]
    while time.monotonic() < end:
        inputs = _input(chance, seeds)
        try:
            harness(inputs)
        except BaseException:
            (corpus / f"found-{crc32(inputs):08x}").write_bytes(inputs)
            raise
        passed += 1
    return passed


def _input(chance: Random, seeds: list[bytes]) -> bytes:
    """Return an input of the corpus with some pieces of it replaced."""
    inputs = chance.choice(seeds)
    for _ in range(chance.randint(1, _MOST_EDITS)):
        at, length = chance.randint(0, len(inputs)), chance.randint(0, _LONGEST_PIECE)
        inputs = inputs[:at] + _piece(chance, seeds) + inputs[at + length :]
    return inputs


def _piece(chance: Random, seeds: list[bytes]) -> bytes:
    """Return a piece made by chance, one that often breaks something, or one of another input."""
    kind, length = chance.random(), chance.randint(0, _LONGEST_PIECE)
    if kind < 0.4:
        return chance.randbytes(length)
    if kind < 0.7:
        return chance.choice(PIECES)
    other = chance.choice(seeds)
    at = chance.randint(0, len(other))
    return other[at : at + length]
