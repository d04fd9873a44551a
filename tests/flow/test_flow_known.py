"""What is known of an alert apart from its log, and what its names may be."""

import pytest

from exporter.flow.known import Milestone, counting_start, creation_from_id
from exporter.flow.labels import extend, make_labels
from exporter.flow.records import OTHER, open_name
from tests.flow.reading import BORN, UNSEEN, read


@pytest.mark.parametrize(
    ("alert_id", "created_at"),
    [
        ("164239028644167", 1_642_390_286),
        ("16423902869000123", 1_642_390_286),
        ("1642390286", 1_642_390_286),
        ("164239028", None),
        ("9999999999123", None),
        ("0000000001123", None),
        ("d751713988987e9331980363e24189ce", None),
        ("١٦٤٢٣٩٠٢٨٦٤٤", None),
    ],
)
def test_the_id_tells_a_plausible_creation_only(alert_id: str, created_at: float | None) -> None:
    """Ids of another make, or of another century, tell no creation."""
    assert creation_from_id(alert_id, now=BORN) == created_at


def test_creation_skew_compares_record_and_id() -> None:
    """A CREATE record eight hours off its id shows a wrong time zone."""
    known, _ = read(UNSEEN, ("CREATE", 28_800), at=60)
    derived, _ = read(UNSEEN, ("ACK", 5), at=60)

    assert known.creation_skew(BORN) == 28_800
    assert derived.creation_skew(BORN) is None


def test_counting_starts_at_the_earlier_of_window_and_last_good_cycle() -> None:
    """A long down-time widens the window; a fresh watch has only the window."""
    assert counting_start(1000, 60, None) == 940
    assert counting_start(1000, 60, 500) == 500
    assert counting_start(1000, 60, 990) == 940


@pytest.mark.parametrize("name", ["A", "ACK", "NOISE_REDUCE", "X" * 64])
def test_unknown_names_keep_their_own(name: str) -> None:
    """Operates and statuses are open sets."""
    assert open_name(name) == name


@pytest.mark.parametrize("name", ["", "ack", "1ACK", "A B", "X" * 65, "ÄCK", "ACK\n", None, 7, ["ACK"]])
def test_what_is_no_name_is_other(name: object) -> None:
    """Anything without the shape of a name shares one label value."""
    assert open_name(name) == OTHER


def test_labels_have_one_order() -> None:
    """Equal label sets are equal values, however they were made."""
    assert extend(make_labels({"b": "2"}), a="1") == make_labels({"a": "1", "b": "2"}) == (("a", "1"), ("b", "2"))


def test_a_milestone_is_open_by_default() -> None:
    """Nothing has happened to an alert that nobody read."""
    assert UNSEEN.ack == Milestone()
    assert not UNSEEN.is_open
