"""Blocks of texts: what changes, what is shared, and what a gzip reader makes of them."""

import gzip
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.blocks import Block, Section, Table, gzipped, join

TEXTS = st.sampled_from(["", "one\n", "two 2.0\n", "three\nlines 🔥\n"])
STEPS = st.lists(st.tuples(st.integers(0, 300), st.none() | st.tuples(TEXTS, TEXTS)), max_size=400)

MANY = st.dictionaries(st.integers(0, 300), st.tuples(TEXTS, TEXTS))


def shown(table: Table, column: int) -> list[str]:
    """Return the texts of a column that are not empty."""
    blocks = [block for section in table.sections(column) for block in section.blocks]
    return [text.decode() for block in blocks for text in block.texts if text]


@given(st.lists(st.tuples(MANY, STEPS), max_size=4), st.sampled_from([1, 2, 64]), st.integers(1, 3))
def test_a_table_holds_what_was_last_put(
    rounds: list[tuple[dict[int, tuple[str, str]], list[tuple[int, tuple[str, str] | None]]]], rows: int, blocks: int
) -> None:
    """Whatever is put, at once or one by one, replaced and dropped between one look and the next."""
    table = Table(2, rows, blocks)
    told: dict[int, tuple[str, str]] = {}
    for many, steps in rounds:
        texts_of = {key: texts for key, texts in many.items() if any(texts)}
        table.put_all(texts_of, zip(*texts_of.values(), strict=True) if texts_of else ((), ()))
        told |= texts_of
        for key, texts in steps:
            if texts is None:
                table.drop(key)
                told.pop(key, None)
            else:
                table.put(key, texts)
                told[key] = texts
        for column in range(2):
            assert Counter(shown(table, column)) == Counter(texts[column] for texts in told.values() if texts[column])


def test_what_is_handed_out_never_changes() -> None:
    """A scrape may still read the blocks of a snapshot while the next one is written."""
    table = Table(1)
    table.put("a", ["1\n"])
    before = table.sections(0)
    table.put("a", ["2\n"])

    assert (join(before), join(table.sections(0))) == (b"1\n", b"2\n")


def test_what_did_not_change_is_the_same_object() -> None:
    """So what was compressed stays so; to put the same text again is no change."""
    table = Table(1)
    for key in range(5000):
        table.put(key, [f"{key}\n"])
    before = table.sections(0)
    table.put(3, ["3\n"])
    assert table.sections(0) is before

    table.put(4999, ["new\n"])
    after = table.sections(0)

    assert [old is new for old, new in zip(before, after, strict=True)] == [True, False]
    blocks = zip(before[-1].blocks, after[-1].blocks, strict=True)
    assert [old is new for old, new in blocks] == [True] * 14 + [False]


@pytest.mark.parametrize(("key", "then"), [(5_000, ["first\n", "new\n", "last\n"]), (8_999, ["first\n", "new\n"])])
def test_a_column_may_have_nothing_where_others_go_on(key: int, then: list[str]) -> None:
    """What stands behind a whole section without text stays where it is, and stands once."""
    table = Table(2)
    table.put("first", ["1\n", "first\n"])
    table.sections(1)
    table.put_all(range(9_000), [["1\n"] * 9_000, [*[""] * 8_999, "last\n"]])
    assert shown(table, 1) == ["first\n", "last\n"]

    table.put(key, ["1\n", "new\n"])

    assert shown(table, 1) == then


def test_places_of_those_who_left_are_taken_again() -> None:
    """A table does not grow with all the keys that there ever were."""
    table = Table(1)
    for key in range(10_000):
        table.put(key, ["x\n"])
        table.drop(key - 10)

    assert len(table.sections(0)[0].blocks) == 1


def test_a_table_that_all_left_holds_what_comes_at_once_and_then() -> None:
    """Nobody gets a place twice."""
    table = Table(1)
    table.put("a", ["a\n"])
    table.drop("a")
    table.put_all("bc", [["b\n", "c\n"]])
    table.put("d", ["d\n"])

    assert sorted(shown(table, 0)) == ["b\n", "c\n", "d\n"]


@given(st.lists(st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=3), max_size=3), max_size=4))
def test_gzip_is_one_member_with_all_the_text(parts: list[list[list[bytes]]]) -> None:
    """Also for readers who stop after the first member, and whether or not a section was compressed before."""
    sections = [Section(map(Block, blocks)) for blocks in parts]
    body = gzipped(sections[::2]) and gzipped(sections)
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)

    assert reader.decompress(body) == join(sections) == gzip.decompress(body)
    assert (reader.eof, reader.unused_data) == (True, b"")
