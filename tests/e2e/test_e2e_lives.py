"""Life cycles, and what each comes to, counted by hand: watched by id or by search, live or only afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporter.blueking import BlueKingError, NoSuchAlert, Page, read_log, read_page
from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.flow.records import Log
from exporter.metrics import Form, Format, Moment
from exporter.poller.workers import Question
from exporter.simulator import Life, SimulatorSettings, World
from tests.e2e.harness import SEVERITIES, Samples, differences, flow_samples, labels, samples_of, true_samples
from tests.e2e.lives import IN_TIME, LATE, LIVES, NEVER, Story, Told
from tests.metrics.moments import take
from tests.poller.desk import BORN, Desk

WITHIN = 300.0
TARGETS = AckTargets([AckTarget({}, WITHIN, 0.99)])
SHANGHAI, UTC = "Asia/Shanghai", "UTC"
UNTIL = 1000  # when the totals are looked at, for who watches from the beginning
AFTERWARDS = 2000  # when others look for the first time
LISTED_AFTER = 20  # how old an alert is when somebody writes its id into the watch file
SEARCH = "[{search: {bk_biz_ids: [-1]}, labels: {team: all}}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is wrong around a life: clocks, time zones, the ledger; all in seconds.

    The server's clock is `ahead` of ours, and writes its rows in `zone`, while the config says `configured`. At
    `lost_at` the ledger is lost, and the exporter starts anew. Watching begins at `begin`: while zones differ, an alert
    that is not part of the baseline is told from history only once three others have shown by how much.
    """

    begin: int = -100
    ahead: float = 0.0
    zone: str = SHANGHAI
    configured: str = SHANGHAI
    lost_at: int | None = None


ODD: dict[str, tuple[Circumstances, Story]] = {
    f"{around}, {what}": (circumstances, story)
    for around, circumstances in {
        "clock ahead": Circumstances(ahead=90),
        "clock behind by less than settle": Circumstances(ahead=-9),
        "rows written in a zone ahead": Circumstances(begin=5, zone=SHANGHAI, configured=UTC),
        "rows written in a zone behind": Circumstances(begin=5, zone=UTC, configured=SHANGHAI),
        "ledger lost early": Circumstances(lost_at=60),
        "ledger lost in mid-life": Circumstances(lost_at=450),
        "ledger lost after all": Circumstances(lost_at=950),
    }.items()
    for what, story in {"acked in time": IN_TIME, "acked late": LATE, "never acked": NEVER}.items()
}


class Server:
    """A simulated world as the client reads it."""

    def __init__(self, lives: Sequence[Life], around: Circumstances) -> None:
        self._world = World(SimulatorSettings(dialect="documented", timezone=around.zone), lives)
        self._around = around

    def answer(self, question: Question, now: float) -> Log | Page | BlueKingError:
        """Answer a question that is asked at `now` by the exporter's clock."""
        now += self._around.ahead
        if question.query is not None:
            return read_page({"result": True, "data": self._world.search(question.query.body(), now)})
        rows = self._world.log(question.key, now)
        if rows is None:
            return NoSuchAlert("no such alert")
        return read_log({"result": True, "data": rows}, ZoneInfo(self._around.configured))


@contextmanager
def desk_at(folder: Path, after: float, *, by_search: bool) -> Iterator[Desk]:
    """Give a desk that begins so many seconds after the first creation, and ends with the block."""
    desk = Desk(folder, BORN + after, watch=SEARCH if by_search else "[{files: [watch.yaml]}]", targets=TARGETS)
    try:
        desk.poller.select(desk.now)
        yield desk
    finally:
        desk.close()


def follow(desk: Desk, server: Server, lives: Sequence[Life], until: float, *, by_search: bool) -> None:
    """Let time pass up to `until`, second by second, with every question answered and every alert listed."""
    listed: list[str] = []
    while desk.now <= BORN + until:
        old_enough = [life.alert.id for life in lives if life.alert.created_at + LISTED_AFTER <= desk.now]
        if not by_search and old_enough != listed:
            listed = old_enough
            desk.watch(*listed)
        while questions := list(desk.questions()):
            for question in questions:
                desk.answer(question.key, server.answer(question, desk.now))
        desk.cycle()
        desk.now += 1


def shown(desk: Desk) -> Samples:
    """Return what a scrape would get."""
    sources = (desk.state(),)
    moment = Moment(desk.now, desk.ledger.view(), desk.poller.watched, sources, birth_hold=0, targets=TARGETS)
    return samples_of(take(moment, desk.own).body(Form(Format.TEXT)).decode())


def expected(stories: Sequence[Story], lives: Sequence[Life], *, by_search: bool, afterwards: bool) -> Samples:
    """Return the samples that the table asks for."""
    alerts = [
        in_full(story.told_to(by_search=by_search, afterwards=afterwards), life)
        for story, life in zip(stories, lives, strict=True)
    ]

    def labelled(alert: Mapping[str, Any]) -> dict[str, object]:
        return {"team": "all", "severity": SEVERITIES[alert["severity"]]} if by_search else {}

    samples = true_samples({"alerts": alerts, "searched": by_search}, "prod", (60.0,), labelled=labelled)
    return samples | {("bkmonitor_flow_ack_target_seconds", labels({})): WITHIN}


def in_full(told: Told, life: Life) -> dict[str, Any]:
    """Return the truth of an alert, as a simulator would write it."""
    born = life.alert.created_at
    outcome, ended_at = (None, None) if told.end is None else (told.end[0], born + told.end[1])
    operates = told.records.split()
    return {
        "id": life.alert.id,
        "severity": life.alert.severity,
        "alert_name": life.alert.alert_name,
        "strategy_id": None,
        "strategy_name": None,
        "created_at": born,
        "records": {operate: {"SUCCESS": operates.count(operate)} for operate in operates},
        "acked_at": None if told.ack is None else born + told.ack,
        "first_action_at": None if told.action is None else born + told.action,
        "outcome": outcome,
        "ended_at": ended_at,
        "is_acked": told.acked,
        "is_shielded": told.shielded,
        "anomaly_count": None,
        "ack_target": WITHIN,
        "deadline_result": told.result,
    }


def rejects(samples: Samples) -> list[str]:
    """Return the reasons under which something could not be told."""
    return [dict(pairs)["reason"] for (name, pairs), n in samples.items() if "records_rejected_total" in name and n]


@pytest.mark.parametrize("afterwards", [False, True], ids=["from the beginning", "afterwards"])
@pytest.mark.parametrize("by_search", [False, True], ids=["by id", "by search"])
@pytest.mark.parametrize("stories", LIVES.values(), ids=LIVES.keys())
def test_a_life_comes_to_what_one_counts_by_hand(
    stories: Sequence[Story], by_search: bool, afterwards: bool, tmp_path: Path
) -> None:
    """Every flow metric is what the table says, whoever watches, whenever."""
    lives = [story.life(number) for number, story in enumerate(stories)]
    server = Server(lives, Circumstances())
    begin, until = (AFTERWARDS, AFTERWARDS + 60) if afterwards else (-100, UNTIL)
    with desk_at(tmp_path, begin, by_search=by_search) as desk:
        follow(desk, server, lives, until, by_search=by_search)
        told = shown(desk)

    assert differences(flow_samples(told), expected(stories, lives, by_search=by_search, afterwards=afterwards)) == {}
    assert rejects(told) == [story.told.rejected for story in stories if story.told.rejected]


@pytest.mark.parametrize("by_search", [False, True], ids=["by id", "by search"])
@pytest.mark.parametrize(("around", "story"), ODD.values(), ids=ODD.keys())
def test_skewed_clocks_and_lost_ledgers_change_no_number(
    around: Circumstances, story: Story, by_search: bool, tmp_path: Path
) -> None:
    """Latencies, results and ends are those of the life, whatever goes wrong around it."""
    lives = [story.life(0)]
    server = Server(lives, around)
    if around.lost_at is not None:
        with desk_at(tmp_path, around.begin, by_search=by_search) as desk:
            follow(desk, server, lives, around.lost_at, by_search=by_search)
        (tmp_path / "flow.db").unlink()
    with desk_at(tmp_path, around.lost_at or around.begin, by_search=by_search) as desk:
        follow(desk, server, lives, UNTIL, by_search=by_search)
        told = shown(desk)

    true = expected([story], lives, by_search=by_search, afterwards=False)
    assert differences(flow_samples(told), true) == {}
