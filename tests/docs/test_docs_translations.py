"""The Chinese documents say what the English ones say, as far as a machine can tell."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
TRANSLATED = ("README", "docs/getting-started")


def english(name: str) -> str:
    """Return the text of a document in English."""
    return (TOP / f"{name}.md").read_text()


def chinese(name: str) -> str:
    """Return its text in Chinese."""
    return (TOP / f"{name}.zh-CN.md").read_text()


def prose(text: str) -> str:
    """Return a document without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def code(text: str) -> list[str]:
    """Return its code blocks; what their comments say may differ, and where they begin."""
    blocks = re.findall(r"^```.*?^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(r"[ \t]+# .*$", "", block, flags=re.MULTILINE) for block in blocks]


def headings(text: str) -> list[str]:
    """Return the levels of its headings, with their numbers and what is code in them."""
    found = re.findall(r"^(#+) (\d*)(.*)$", prose(text), flags=re.MULTILINE)
    return [" ".join([level, number, *re.findall("`.+?`", rest)]) for level, number, rest in found]


def links(text: str) -> list[str]:
    """Return where its links and pictures lead, in order of their names, but for those to the other language."""
    return sorted(re.findall(r"(?<!^\[English)(?<!^\[简体中文)\]\(([^)]+)\)", prose(text), flags=re.MULTILINE))


def rows(text: str) -> list[str]:
    """Return what is code in the first column of its tables."""
    firsts = re.findall(r"^\| (.+?) \|", prose(text), flags=re.MULTILINE)
    return [" ".join(re.findall("`.+?`", first)) for first in firsts]


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_headings_are_the_same(name: str) -> None:
    """Each chapter is there, in the same order and on the same level."""
    assert headings(chinese(name)) == headings(english(name))


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_code_is_the_same(name: str) -> None:
    """Commands, configs and what is printed are the same to the letter; only comments are translated."""
    assert code(chinese(name)) == code(english(name))


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_links_are_the_same(name: str) -> None:
    """Each link and each picture is there, whatever the order in a sentence; a page in Chinese leads to such pages."""
    assert links(chinese(name).replace(".zh-CN.md)", ".md)")) == links(english(name))


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_tables_have_the_same_rows(name: str) -> None:
    """No command and no path is left out."""
    assert rows(chinese(name)) == rows(english(name))


@pytest.mark.parametrize("name", TRANSLATED)
def test_each_language_leads_to_the_other(name: str) -> None:
    """Whoever opens the wrong one finds the right one at its top."""
    stem = Path(name).name

    assert f"[简体中文]({stem}.zh-CN.md)" in english(name)[:400]
    assert f"[English]({stem}.md)" in chinese(name)[:400]
