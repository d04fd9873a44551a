"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("1d", 86400),
        ("1h30m", 5400),
        ("1d2h3m4s5ms", 93784.005),
        ("500ms", 0.5),
        ("90m", 5400),
        ("0s", 0),
        ("30", 30),
        ("0.25", 0.25),
        ("36500d", 3_153_600_000),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """Units from the largest down, each at most once, or a bare number of seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["ten", "s", "1w", "1.5h", "30m1h", "1h1h", "-5s", "+5s", " 5s", "5 s", "5s\n", "٣s", "1e3", "nan", "inf"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """The message tells what a duration looks like, and what was found."""
    with pytest.raises(ValueError, match=r"^expected a duration such as 10s, got "):
        parse_duration(text)


@pytest.mark.parametrize("text", ["36500d1ms", "999999999h", "999999999999"])
def test_more_than_a_century_is_refused(text: str) -> None:
    """No clock or wait of the platform overflows on a setting."""
    with pytest.raises(ValueError, match=r"^expected at most 36500d$"):
        parse_duration(text)


@given(milliseconds=st.integers(0, 36_500 * 86_400_000))
def test_a_formatted_duration_reads_as_it_was(milliseconds: int) -> None:
    """Formatting loses nothing, to the millisecond."""
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(seconds=st.floats(0, 3_153_600_000, allow_nan=False).map(lambda seconds: round(seconds, 6)))
def test_a_number_of_seconds_reads_as_it_is(seconds: float) -> None:
    """A bare number, written without an exponent, is a number of seconds."""
    assert parse_duration(f"{seconds:.6f}") == pytest.approx(seconds, abs=1e-6)
