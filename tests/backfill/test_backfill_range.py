"""Moments on the command line: what is accepted, as which moment, and what a refusal says."""

import time
from collections.abc import Iterator

import pytest

from exporter.backfill import read_moment

NOW = 1_800_000_000.5


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be in a zone with an offset."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1767225600", 1_767_225_600),
        ("1767225600.25", 1_767_225_600.25),
        ("2026-01-01T00:00:00Z", 1_767_225_600),
        ("2026-01-01t00:00:00z", 1_767_225_600),
        ("2026-01-01T08:00:00+08:00", 1_767_225_600),
        ("2026-01-01 00:00:00.5Z", 1_767_225_600.5),
        ("2026-01-01T00:00Z", 1_767_225_600),
        ("2026-01-01T01:00:00", 1_767_225_600),
        ("2026-01-01", 1_767_225_600 - 3600),
        ("2026-07-01", 1_782_864_000 - 7200),
        ("now", 1_800_000_000),
        ("7d", 1_800_000_000 - 7 * 86_400),
        ("1h30m", 1_800_000_000 - 5400),
    ],
)
def test_a_moment_is_read_as_written(text: str, moment: float) -> None:
    """RFC 3339 with and without offset, unix seconds, now, and how long ago; what has no offset is local."""
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("yesterday", "expected 2026-01-31"),
        ("2026-02-30", "expected 2026-01-31"),
        ("2026-1-1", "expected 2026-01-31"),
        ("-7d", "expected 2026-01-31"),
        ("", "expected 2026-01-31"),
        ("1767225600000", "expected 2026-01-31"),
        ("5", "before 2010"),
        ("2009-12-31", "before 2010"),
        ("2100-01-01", "in the future"),
        ("1800000001", "in the future"),
    ],
)
def test_what_is_no_moment_of_the_past_is_refused(text: str, complaint: str) -> None:
    """The message says what would be right, or what is wrong with it."""
    with pytest.raises(ValueError, match=complaint):
        read_moment(text, NOW)
