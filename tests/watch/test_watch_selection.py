"""Which alerts are selected, with which labels, as files come, change, break and go."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.watch import Selected, Selection, Watches
from tests.descriptors import no_descriptors
from tests.e2e.harness import wait_until
from tests.watching import make_source
from tests.watching import write_file as write

FIELDS = ("bk_biz_id",)


def make_watches(folder: Path, watch: str) -> Watches:
    """Return the watches of a source."""
    return Watches("prod", make_source(folder, watch).watch, FIELDS)


def teams(selection: Selection) -> dict[str, str]:
    """Return the team of each selected alert."""
    return {alert_id: dict(selected.labels).get("team", "") for alert_id, selected in selection.items()}


def events(logs: list[Any]) -> list[str]:
    """Return what was logged."""
    return [entry["event"] for entry in logs]


def test_fixed_ids_carry_source_and_labels(tmp_path: Path) -> None:
    """A fixed id tells none of an alert's fields: to Prometheus an absent label is an empty one."""
    watches = make_watches(tmp_path, "[{alerts: [164239028644167, '42'], labels: {team: payments}}]")

    labels = (("source", "prod"), ("team", "payments"))
    assert watches.selection() == {i: Selected(labels, watches.names[0]) for i in ("164239028644167", "42")}


def test_the_first_watch_that_selects_an_alert_wins(tmp_path: Path) -> None:
    """An alert that two watches select has the labels of the one that stands first in the file."""
    watches = make_watches(tmp_path, "[{alerts: [1, 2], labels: {team: a}}, {alerts: [2, 3], labels: {team: b}}]")

    assert teams(watches.selection()) == {"1": "a", "2": "a", "3": "b"}


def test_an_unchanged_selection_is_the_same_object(tmp_path: Path) -> None:
    """The poller need not compare what did not change."""
    write(tmp_path / "w.yaml", "[{alerts: [1]}]")
    watches = make_watches(tmp_path, "[{files: ['*.yaml']}]".replace("*.yaml", "w.yaml"))

    assert watches.selection() is watches.selection()


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    """New, changed and vanished files show in the next selection; the watch's labels hold for all of them."""
    (tmp_path / "watch").mkdir()
    watches = make_watches(tmp_path, "[{files: [watch/*.yaml], labels: {team: infra}}]")
    assert teams(watches.selection()) == {}

    write(tmp_path / "watch" / "a.yaml", "[{alerts: [1, 2]}]")
    write(tmp_path / "watch" / "b.yaml", "[{alerts: [3], labels: {team: search}}]")
    assert teams(watches.selection()) == {"1": "infra", "2": "infra", "3": "search"}

    write(tmp_path / "watch" / "a.yaml", "[{alerts: [2, 4]}]")
    (tmp_path / "watch" / "b.yaml").unlink()
    assert teams(watches.selection()) == {"2": "infra", "4": "infra"}

    write(tmp_path / "watch" / "a.yaml", "[]")
    assert teams(watches.selection()) == {}


@pytest.mark.parametrize("broken", ["", "[{alerts: [1, ", "alerts: [1]", "[{alerts: [1.5]}]", "\x00"])
def test_a_broken_file_keeps_its_last_good_list_and_says_so_once(broken: str, tmp_path: Path) -> None:
    """Half-written or wrong, a file never empties its watch; the log names it once, and again when it is well."""
    path = tmp_path / "w.yaml"
    write(path, "[{alerts: [1, 2]}]")
    watches = make_watches(tmp_path, "[{files: [w.yaml]}]")

    with capture_logs() as logs:
        write(path, broken)
        kept = watches.selection()
        again = watches.selection()
        write(path, "[{alerts: [3]}]")
        mended = watches.selection()

    assert set(kept) == set(again) == {"1", "2"}
    assert set(mended) == {"3"}
    assert events(logs) == ["watch file is broken, its last good list stays", "watch file read"]
    assert str(path) in logs[0]["faults"]
    assert logs[0]["kept"] == 2


def test_a_file_that_cannot_be_read_keeps_its_last_good_list(tmp_path: Path) -> None:
    """A dangling replacement is a broken file, too."""
    path = tmp_path / "w.yaml"
    write(path, "[{alerts: [1]}]")
    watches = make_watches(tmp_path, "[{files: [w.yaml]}]")

    path.write_bytes(b"\xff\xfe broken")
    os.utime(path, (1, 1))

    assert set(watches.selection()) == {"1"}


def test_a_file_that_was_out_of_reach_is_read_as_soon_as_it_can_be(tmp_path: Path) -> None:
    """What changed while no file could be opened is not missed, though nothing changes again; the log tells it once."""
    path = tmp_path / "w.yaml"
    write(path, "[{alerts: [1]}]")
    watches = make_watches(tmp_path, "[{files: [w.yaml]}]")
    write(path, "[{alerts: [1, 2]}]")

    with capture_logs() as logs:
        with no_descriptors():
            first = watches.selection()
            assert watches.selection() is first
        assert set(first) == {"1"}
        assert set(watches.selection()) == {"1", "2"}
    assert events(logs) == ["watch file is broken, its last good list stays", "watch file read"]


MANY = [str(number) for number in range(2000)]
"""More alerts than a file may list that is read while others wait."""


def test_a_large_file_is_adopted_when_it_is_read(tmp_path: Path) -> None:
    """Nobody waits for it; until then the list before it stays, and a broken one changes nothing but the log."""
    path = tmp_path / "w.json"
    write(path, json.dumps([{"alerts": [*MANY, "a"]}]))
    watches = make_watches(tmp_path, "[{files: [w.json]}]")
    assert len(watches.selection()) == len(MANY) + 1

    write(path, json.dumps([{"alerts": [*MANY, "b", "c"]}]))
    wait_until(lambda: "b" in watches.selection(), within=20)
    assert set(watches.selection()) == {*MANY, "b", "c"}

    with capture_logs() as logs:
        write(path, json.dumps([{"alerts": [*MANY, "two words"]}]))
        wait_until(lambda: bool(watches.selection() and logs), within=20)
        assert set(watches.selection()) == {*MANY, "b", "c"}
        write(path, json.dumps([{"alerts": MANY}]))
        wait_until(lambda: "b" not in watches.selection(), within=20)
    assert events(logs) == ["watch file is broken, its last good list stays", "watch file read"]


def test_a_large_file_that_goes_before_it_is_read_selects_nothing(tmp_path: Path) -> None:
    """Whatever comes of the reading; a file that comes later under that name is read anew."""
    path = tmp_path / "w.json"
    watches = make_watches(tmp_path, "[{files: [w.json]}]")
    write(path, json.dumps([{"alerts": MANY}]))
    watches.selection()
    path.unlink()
    assert watches.selection() == {}

    write(path, json.dumps([{"alerts": ["1"]}]))
    assert set(watches.selection()) == {"1"}


def test_a_watch_keeps_its_name_while_ids_come_and_go(tmp_path: Path) -> None:
    """The last good cycle of a watch is found again after ids were added to its list, not after its labels changed."""
    before = make_watches(tmp_path, "[{alerts: [1], labels: {team: a}}]").names
    more = make_watches(tmp_path, "[{alerts: [1, 2], labels: {team: a}}]").names
    other = make_watches(tmp_path, "[{alerts: [1], labels: {team: b}}]").names

    assert before == more != other
