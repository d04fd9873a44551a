"""A search that fails is told with its watch, which has no name in the config."""

from pathlib import Path

import pytest

from exporter.blueking import BadRequest, Upstream
from tests.poller.desk import BORN, Desk

WRONG = BadRequest("search_alert: 3300002 query_string is wrong")


def test_the_watch_whose_search_fails_is_named(tmp_path: Path) -> None:
    """Whoever looks at the status page sees which search to mend; where two are, which of them is told what."""
    desk = Desk(tmp_path, BORN, watch="[{search: {bk_biz_ids: [2]}}, {search: {bk_biz_ids: [3]}}]")
    desk.poller.select(desk.now)
    for error in (WRONG, Upstream("search_alert: 500")):
        (question,) = desk.questions()
        desk.answer(question.key, error)

    assert desk.state().trouble == f"watch (bk_biz_ids 2): {WRONG}; watch (bk_biz_ids 3): search_alert: 500"
    desk.close()


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        (
            "{search: {bk_biz_ids: [2, 3], severity: [1], status: [ABNORMAL], query_string: 'ip:\"x\"'}}",
            'bk_biz_ids 2, 3; severity 1; status ABNORMAL; query_string "ip:\\"x\\""',
        ),
        (
            "{search: {bk_biz_ids: [-1], conditions: [{key: ip, value: x}, {key: os, value: y}]}, labels: {team: a}}",
            "team=a; bk_biz_ids -1; conditions on ip, os",
        ),
        ("{search: {bk_biz_ids: [1, 2, 3, 4, 5, 6]}}", "bk_biz_ids 1, 2, 3, 4, 5, …"),
        (f"{{search: {{bk_biz_ids: [2]}}, labels: {{team: {'x' * 200}}}}}", f"team={'x' * 94}…"),
    ],
)
def test_a_watch_is_named_by_what_it_selects(watch: str, words: str, tmp_path: Path) -> None:
    """As in the config, with its labels first, in a piece of a line; the values of conditions stay untold."""
    desk = Desk(tmp_path, BORN, watch=f"[{watch}]")
    desk.poller.select(desk.now)
    (question,) = desk.questions()
    desk.answer(question.key, WRONG)

    assert desk.state().trouble == f"watch ({words}): {WRONG}"
    desk.close()
