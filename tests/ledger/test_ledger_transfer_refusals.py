"""What an import refuses: ledgers that have something, and files that are no sound export; then nothing is taken."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.flow.observations import Total
from exporter.ledger import LedgerError, open_ledger
from exporter.ledger.lines import FORMAT
from tests.ledger.moving import BOUNDS, exported, fill, take


def is_empty(url: str) -> bool:
    """Tell whether a ledger has no data."""
    counts: dict[str, int] = json.loads(exported(url).splitlines()[-1])[1]
    return set(counts.values()) == {0}


def test_an_import_overwrites_nothing(old: str, url: str) -> None:
    """A ledger that has anything refuses it, and stays as it is; one that an exporter just made takes it."""
    told = exported(old)
    open_ledger(url, {**BOUNDS, Total.TIME_TO_END: (1.0,)}).close()
    take(url, told)
    assert exported(url) == told

    with pytest.raises(LedgerError, match=r"has alerts already; import into an empty ledger, nothing was imported"):
        take(url, told)
    assert exported(url) == told


def test_an_import_is_refused_while_an_exporter_runs(old: str, url: str) -> None:
    """The ledger is in use."""
    with closing(open_ledger(url, BOUNDS)), pytest.raises(LedgerError, match="in use by another exporter"):
        take(url, exported(old))


def without_end(told: bytes) -> bytes:
    """Cut the last line off."""
    return b"".join(told.splitlines(keepends=True)[:-1])


def with_head(position: int, value: object) -> Callable[[bytes], bytes]:
    """Return a change of one value of the first line."""

    def change(told: bytes) -> bytes:
        head, rest = told.split(b"\n", 1)
        values = json.loads(head)
        values[position] = value
        return json.dumps(values).encode() + b"\n" + rest

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: b"", "moved.jsonl:1: not an export of a ledger"),
        (lambda _: b"\x00\xff" * 100_000, "moved.jsonl:1: not an export of a ledger"),
        (lambda _: b'{"alerts": []}\n', "moved.jsonl:1: not an export of a ledger"),
        (lambda _: f'["{FORMAT}"]\n'.encode(), "moved.jsonl:1: not an export of a ledger"),
        (with_head(1, 2), "format version 2 was written by a newer exporter; import it with that one"),
        (with_head(2, 99), "schema version 99 was written by a newer exporter; import it with that one"),
        (with_head(2, 1), "schema version 1 is older than this exporter's .*; import it with the exporter that wrote"),
        (with_head(3, {}), "has other columns than the tables of its version"),
        (without_end, "the file is cut"),
        (lambda told: told[:-1], "the file is cut"),
        (lambda told: told.replace(b'"value":3.0', b'"value":4.0'), "the checksum of the lines before are others"),
        (lambda told: told.replace(b'"value":3.0', b'"value":3'), "value: 3 is no value of this column"),
        (lambda told: told.replace(b'["alerts",', b'["cases",', 1), "not a row of a table"),
        (lambda told: told.replace(b'["alerts",', b'["alerts",0,', 1), "not a row of a table"),
        (lambda told: told.replace(b'["alerts",', b'{"alerts",', 1), "not a line of an export"),
        (lambda told: told + b"\n", "there is more after the last line"),
    ],
)
def test_what_is_no_sound_export_is_refused(
    change: Callable[[bytes], bytes], why: str, old: str, tmp_path: Path
) -> None:
    """The error names the line and says what is wrong with it; nothing of the file is taken."""
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(LedgerError, match=why) as raised:
        take(url, change(exported(old)))

    assert str(raised.value).startswith("moved.jsonl:")
    assert str(raised.value).endswith("nothing was imported")
    if (tmp_path / "new.db").exists():
        assert is_empty(url)


@settings(max_examples=25)
@given(part=st.floats(0, 1, exclude_max=True), compressed=st.booleans())
def test_a_file_that_is_cut_anywhere_is_refused(part: float, compressed: bool) -> None:
    """Packed or not, at whatever byte it ends."""
    with tempfile.TemporaryDirectory() as folder:
        fill(f"sqlite:///{folder}/old.db")
        told = exported(f"sqlite:///{folder}/old.db", compressed=compressed)
        with pytest.raises(LedgerError, match="nothing was imported"):
            take(f"sqlite:///{folder}/new.db", told[: int(part * len(told))], compressed=compressed)


def twice(told: bytes) -> bytes:
    """Return an export with a row that stands there twice, its counts and its checksum made to fit."""
    *lines, end = told.splitlines(keepends=True)
    row = next(number for number, line in enumerate(lines) if line.startswith(b'["alerts"'))
    lines.insert(row, lines[row])
    counts = json.loads(end)[1]
    counts["alerts"] += 1
    checksum = hashlib.sha256(b"".join(lines)).hexdigest()
    return b"".join(lines) + json.dumps(["end", counts, checksum]).encode() + b"\n"


def test_a_row_that_stands_there_twice_is_refused(old: str, url: str) -> None:
    """Also where counts and checksum agree."""
    with pytest.raises(LedgerError, match="alerts: one row stands there twice: the file is damaged"):
        take(url, twice(exported(old)))
    assert is_empty(url)
