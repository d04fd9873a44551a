"""Checksums that are put together, against those of the whole text."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.checksums import followed, shift


@given(st.lists(st.binary(max_size=400), max_size=6))
def test_checksums_of_parts_make_that_of_the_whole(parts: list[bytes]) -> None:
    """However the text is cut, and where a part is empty."""
    checksum = 0
    for part in parts:
        checksum = followed(checksum, crc32(part), shift(len(part)))

    assert checksum == crc32(b"".join(parts))


@pytest.mark.parametrize("size", [1 << 16, 3_000_001, 1 << 24])
def test_that_holds_for_long_texts(size: int) -> None:
    """A scrape of many alerts is tens of megabytes."""
    assert followed(crc32(b"start"), crc32(bytes(size)), shift(size)) == crc32(b"start" + bytes(size))
