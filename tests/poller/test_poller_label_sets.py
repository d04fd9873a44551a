"""The limit of label sets: who keeps its labels, who becomes `other`, and how that is counted."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.blueking import Page
from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.flow.labels import Labels, make_labels
from exporter.flow.sightings import Sighting
from exporter.ledger import CommitFailed
from exporter.poller.label_sets import ANY_NUMBER, LabelSets
from exporter.poller.workers import Answer
from tests.poller.desk import BORN, Desk, log
from tests.watching import write_file

FILES = "[{files: [watch.yaml]}]"
SEARCH = "[{search: {bk_biz_ids: [2]}}]"
TARGETS = AckTargets(
    [
        AckTarget({"severity": "fatal"}, 90.0, 0.9),
        AckTarget({"severity": "other"}, 600.0, 0.9),
        AckTarget({"team": "c"}, 700.0, 0.9),
    ]
)


def team(name: str) -> Labels:
    """Return the labels of the alerts of a team."""
    return make_labels({"source": "prod", "team": name})


def test_known_labels_and_those_below_the_limit_are_kept() -> None:
    """A further label set becomes one of `other`, with the same names and its own source; it takes no place itself."""
    sets = LabelSets([team("a")], limit=2)

    assert [sets.admit(("prod", name), team(name)) for name in ("a", "b", "c", "b")] == [
        team("a"),
        team("b"),
        team("other"),
        team("b"),
    ]
    assert sets.admit(("dev", "1"), make_labels({"source": "dev", "severity": "fatal"})) == make_labels(
        {"source": "dev", "severity": "other"}
    )


def test_what_became_other_takes_no_place_after_a_restart_either() -> None:
    """The ledger has its label set as it has all others; a limit that is raised by one leaves room for one."""
    sets = LabelSets([team("a"), team("other")], limit=2)

    assert [sets.admit(("prod", name), team(name)) for name in ("b", "c")] == [team("b"), team("other")]


def test_other_keeps_its_shard() -> None:
    """Or one member would add to a series of another."""
    sets = LabelSets(limit=1)
    labels = [make_labels({"source": "prod", "team": name, "shard": "3"}) for name in ("a", "b")]

    assert [sets.admit(("prod", str(number)), own) for number, own in enumerate(labels)] == [
        labels[0],
        make_labels({"source": "prod", "team": "other", "shard": "3"}),
    ]


def test_label_sets_of_shards_that_come_and_go_count_as_long_as_they_are_there() -> None:
    """However many sources tell of the same shards, what is known is looked at once."""
    sets = LabelSets([team("a")], limit=2)
    looked: list[frozenset[int]] = []

    def gain(owned: frozenset[int], *names: str) -> None:
        for _ in range(2):
            sets.learn(owned, lambda: looked.append(owned) or map(team, names))  # type: ignore[func-returns-value]

    gain(frozenset({0, 1}), "a", "b", "other")
    assert sets.admit(("prod", "1"), team("c")) == team("other")
    gain(frozenset({1}), "b")
    assert sets.admit(("prod", "1"), team("c")) == team("c")
    assert sets.admit(("prod", "2"), team("a")) == team("other")
    assert looked == [{0, 1}, {1}]


def test_without_a_limit_everything_is_kept() -> None:
    """And nothing is remembered."""
    assert ANY_NUMBER.admit(("prod", "1"), team("a")) == team("a")


def test_alerts_are_counted_once_and_when_they_are_committed() -> None:
    """A first sight that could not be committed comes again; what has no label to lose loses none."""
    counts: list[int] = []
    sets = LabelSets([team("a")], 1, counts.append)
    for alert_id in ("1", "2", "1"):
        sets.admit(("prod", alert_id), team("b"))
    sets.admit(("prod", "3"), make_labels({"source": "prod"}))
    sets.admit(("prod", "4"), team("other"))

    sets.committed([("prod", "1"), ("prod", "3"), ("prod", "4")])
    sets.committed([("prod", "1")])

    assert counts == [1]


def test_the_log_says_once_that_the_limit_is_reached() -> None:
    """Not for each alert, and not before."""
    sets = LabelSets([], 1)
    with capture_logs() as logs:
        for name in "aabcd":
            sets.admit(("prod", name), team(name))

    assert [(entry["log_level"], entry["limit"]) for entry in logs] == [("warning", 1)]


class Office:
    """Desks on one folder with a limit of label sets; a new desk is a restart."""

    def __init__(self, folder: Path, limit: int, watch: str) -> None:
        self.folder = folder
        self._limit = limit
        self._watch = watch
        self.desk = self._open()

    def _open(self) -> Desk:
        return Desk(self.folder, BORN, watch=self._watch, targets=TARGETS, most_label_sets=self._limit)

    def restart(self) -> None:
        """Close the desk and open another."""
        self.desk.close()
        self.desk = self._open()

    @property
    def dropped(self) -> float:
        """How many alerts were counted as without their own labels, since the restart."""
        samples = [sample for family in self.desk.own.collect() for sample in family.samples]
        name = "bkmonitor_flow_exporter_series_dropped_total"
        return next(s.value for s in samples if s.name == name and s.labels["metric"] == "label_sets")

    def known(self, name: str) -> dict[str, str | None]:
        """Return a label of each alert by its id."""
        return {known.alert_id: dict(known.labels).get(name) for known in self.desk.ledger.unrested("prod")}

    def targets(self) -> dict[str, float | None]:
        """Return the ack target of each alert by its id."""
        return {known.alert_id: known.ack_target for known in self.desk.ledger.unrested("prod")}


def list_teams(folder: Path, **teams: str) -> None:
    """Write a watch file with alerts by team."""
    groups = ", ".join(f"{{alerts: ['{alert_id}'], labels: {{team: {name}}}}}" for name, alert_id in teams.items())
    write_file(folder / "watch.yaml", f"[{groups}]")


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Office]:
    """Give an office with room for two label sets, which watches a file."""
    office = Office(tmp_path, 2, FILES)
    yield office
    office.desk.close()


@pytest.fixture
def searched(tmp_path: Path) -> Iterator[Office]:
    """Give an office with room for one label set, which watches by search."""
    office = Office(tmp_path, 1, SEARCH)
    office.desk.poller.select(BORN)
    yield office
    office.desk.close()


def test_listed_alerts_beyond_the_limit_become_other(listed: Office) -> None:
    """Those seen first keep their labels, over a restart as well: the ledger's label sets are the known ones.

    The ack target is the one of the labels that an alert got.
    """
    list_teams(listed.folder, a="1", b="2")
    listed.desk.poller.select(BORN)
    listed.restart()
    list_teams(listed.folder, a="1", b="2", c="3")
    listed.desk.poller.select(BORN)

    assert (listed.known("team"), listed.dropped) == ({"1": "a", "2": "b", "3": "other"}, 1)
    assert listed.targets() == {"1": None, "2": None, "3": None}


def test_the_label_sets_of_what_was_counted_stay_known(listed: Office) -> None:
    """An alert that rests leaves its series, and so its label set, behind."""
    list_teams(listed.folder, a="1", b="2")
    listed.desk.poller.select(BORN)
    for alert_id in listed.desk.asked():
        listed.desk.answer(alert_id, log(("CREATE", BORN - 900), ("CLOSE", BORN - 600)))
    listed.restart()
    assert listed.known("team") == {}
    list_teams(listed.folder, a="4", c="3")
    listed.desk.poller.select(BORN)

    assert (listed.known("team"), listed.dropped) == ({"4": "a", "3": "other"}, 1)


def found(*severities: str) -> Page:
    """Return a page of alerts of these severities."""
    sightings = [Sighting(str(n), {"severity": severity}, created_at=BORN) for n, severity in enumerate(severities)]
    return Page(tuple(sightings), len(sightings))


def test_found_alerts_beyond_the_limit_become_other(searched: Office) -> None:
    """Their ack target is the one of the labels that they got."""
    (search,) = searched.desk.questions()
    searched.desk.answer(search.key, found("fatal", "warning", "fatal", "remind"))

    assert searched.known("severity") == {"0": "fatal", "1": "other", "2": "fatal", "3": "other"}
    assert searched.targets() == {"0": 90.0, "1": 600.0, "2": 90.0, "3": 600.0}
    assert searched.dropped == 2


def test_what_could_not_be_committed_is_not_counted_twice(searched: Office) -> None:
    """The round is made anew; its alerts count as dropped once the ledger has them."""
    (search,) = searched.desk.questions()
    answer = Answer("prod", search.key, BORN, found("fatal", "warning"))
    searched.desk.poller.answered()
    with suppress(CommitFailed), searched.desk.ledger.transaction() as tx:
        searched.desk.poller.take(answer, tx, BORN)
        raise CommitFailed("the disk is full")
    searched.desk.poller.postpone(answer, BORN)
    assert searched.dropped == 0

    searched.desk.now = BORN + 60
    (search,) = searched.desk.questions()
    searched.desk.answer(search.key, found("fatal", "warning"))

    assert (searched.known("severity"), searched.dropped) == ({"0": "fatal", "1": "other"}, 1)
