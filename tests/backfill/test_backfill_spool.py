"""The spool: what is kept over a stop, what a crash may cost, and when it is refused."""

import errno
import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.backfill import Found, Query, Spool, SpoolError, fingerprint
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Outcome, Sighting
from tests.blueking.clients import SECRET, make_source

QUERY = Query(("7d", "now"), 1000.0, 2000.0, 2000.5, "abc")
LOG = Log((FlowRecord("CONVERGE", "SUCCESS", 1500.5, 7), FlowRecord("CREATE", "SUCCESS", 1400.0)), {"operate": 2})
SEEN = Sighting("12", {"severity": "fatal"}, is_acked=True, created_at=1400.0, ended_at=1600.0, outcome=Outcome.CLOSED)


def filled(path: Path) -> None:
    """Leave a spool with a search that is over and two logs."""
    with Spool(path, QUERY) as spool:
        spool.add_search("prod", 0, [SEEN])
        spool.add_log("prod", "12", LOG)
        spool.add_log("prod", "13", Log())


def test_what_was_answered_is_there_again(tmp_path: Path) -> None:
    """Searches, sightings and logs, as they were."""
    filled(tmp_path / "part")

    with Spool(tmp_path / "part", QUERY) as spool:
        assert spool.is_resumed
        assert spool.found == {("prod", "12"): Found(0, SEEN)}
        assert spool.searched == {("prod", 0)}
        assert (spool.log("prod", "12"), spool.log("prod", "13")) == (LOG, Log())
        assert (spool.has_log("prod", "13"), spool.has_log("prod", "14"), spool.has_log("test", "12")) == (
            True,
            False,
            False,
        )


def test_what_is_read_while_writing_is_whole(tmp_path: Path) -> None:
    """A log can be looked at before the next one is added."""
    with Spool(tmp_path / "part", QUERY) as spool:
        spool.add_log("prod", "12", LOG)
        assert spool.log("prod", "12") == LOG
        spool.add_log("prod", "13", Log())
        assert (spool.log("prod", "12"), spool.log("prod", "13")) == (LOG, Log())


def test_a_range_that_was_given_relative_to_now_stays_what_it_was(tmp_path: Path) -> None:
    """The run that goes on takes it from the spool."""
    filled(tmp_path / "part")
    later = replace(QUERY, start=1100.0, end=2100.0, asked_at=2100.5)

    with Spool(tmp_path / "part", later) as spool:
        assert spool.query == QUERY


@pytest.mark.parametrize("other", [replace(QUERY, given=("8d", "now")), replace(QUERY, digest="def")])
def test_another_query_does_not_mix(tmp_path: Path, other: Query) -> None:
    """Another range or another config: refused, and the answers stay."""
    filled(tmp_path / "part")
    before = (tmp_path / "part").read_bytes()

    with pytest.raises(SpoolError, match="holds the answers to another query"):
        Spool(tmp_path / "part", other)

    assert (tmp_path / "part").read_bytes() == before


@pytest.mark.parametrize("left", range(1, 60, 7))
def test_a_torn_last_line_costs_only_itself(tmp_path: Path, left: int) -> None:
    """A crash in the middle of a write: the line is cut off, and what follows is whole again."""
    filled(tmp_path / "part")
    whole = (tmp_path / "part").read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    (tmp_path / "part").write_bytes(whole[: len(whole) - len(last) + min(left, len(last) - 1)])

    with Spool(tmp_path / "part", QUERY) as spool:
        assert (spool.has_log("prod", "12"), spool.has_log("prod", "13")) == (True, False)
        spool.add_log("prod", "13", Log())

    assert (tmp_path / "part").read_bytes() == whole


def test_a_search_that_was_not_over_is_made_anew(tmp_path: Path) -> None:
    """Its findings alone say nothing of what it had still to find."""
    filled(tmp_path / "part")
    lines = (tmp_path / "part").read_bytes().splitlines(keepends=True)
    (tmp_path / "part").write_bytes(b"".join(lines[:2]))

    with Spool(tmp_path / "part", QUERY) as spool:
        assert (spool.found, spool.searched) == ({}, set())


def test_the_first_watch_that_finds_an_alert_has_it(tmp_path: Path) -> None:
    """Whichever is searched first."""
    with Spool(tmp_path / "part", QUERY) as spool:
        spool.add_search("prod", 1, [SEEN])
        spool.add_search("prod", 0, [SEEN])
        spool.add_search("prod", 2, [SEEN])

        assert spool.found["prod", "12"].watch == 0


@pytest.mark.parametrize(
    "text",
    [b"not a spool\n", b"[]\n", b"{}\n", b'{"bkmonitor-flow-backfill":99}\n', b'{"bkmonitor-flow-backfill":1}\n'],
)
def test_a_foreign_file_is_left_alone(tmp_path: Path, text: bytes) -> None:
    """It may be somebody's."""
    (tmp_path / "part").write_bytes(text)

    with pytest.raises(SpoolError, match="remove the file"):
        Spool(tmp_path / "part", QUERY)

    assert (tmp_path / "part").read_bytes() == text


def test_a_damaged_line_is_not_passed_over(tmp_path: Path) -> None:
    """What it held is unknown, and a number without it would be wrong."""
    filled(tmp_path / "part")
    lines = (tmp_path / "part").read_bytes().splitlines(keepends=True)
    (tmp_path / "part").write_bytes(b"".join([lines[0], lines[1][:20] + b"\n", *lines[2:]]))

    with pytest.raises(SpoolError, match="damaged at byte"):
        Spool(tmp_path / "part", QUERY)


def test_two_runs_do_not_share_a_spool(tmp_path: Path) -> None:
    """The second one is refused while the first is at work."""
    with Spool(tmp_path / "part", QUERY), pytest.raises(SpoolError, match="another backfill is at work"):
        Spool(tmp_path / "part", QUERY)


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    """With the file and the reason."""
    with pytest.raises(SpoolError, match="no/part: No such file"):
        Spool(tmp_path / "no" / "part", QUERY)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the file and the reason; what was written before stays."""
    filled(tmp_path / "part")
    spool = Spool(tmp_path / "part", QUERY)

    def refuse(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(SpoolError, match="part: cannot be written: No space left on device"):
            spool.close()

    with Spool(tmp_path / "part", QUERY) as again:
        assert again.has_log("prod", "13")


@pytest.mark.parametrize("room", [0, 400])
def test_a_disk_that_is_full_all_along_is_told_without_a_traceback(room: int, tmp_path: Path) -> None:
    """What could not be written once is not tried again where the file is let go of, by its end or by a refusal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(SpoolError, match="part: cannot be written: File too large"):
            filled(tmp_path / "part")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_digest_tells_what_is_asked_and_holds_no_secret() -> None:
    """Another secret asks the same; another watch does not."""
    source = make_source()

    assert fingerprint([source]) == fingerprint([make_source(auth={"app_secret": "another"}, headers={"X": "y"})])
    assert fingerprint([source]) != fingerprint([make_source(watch=[{"alerts": ["2"]}])])
    assert fingerprint([source]) != fingerprint([make_source(timezone="UTC")])
    assert SECRET not in fingerprint([source])
