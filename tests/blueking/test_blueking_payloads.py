"""Every payload in the box, read: what an operator would count in it by hand."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporter.blueking import (
    BlueKingError,
    NoSuchAlert,
    NotAllowed,
    TooFast,
    Unreadable,
    Upstream,
    read_log,
    read_page,
)
from exporter.flow.records import Log
from exporter.flow.sightings import Outcome, Sighting

PAYLOADS = Path(__file__).parents[1] / "payloads"
SHANGHAI = ZoneInfo("Asia/Shanghai")
REFUSALS = {
    "error_alert_not_found": NoSuchAlert,
    "error_esb_auth": NotAllowed,
    "error_esb_rate": TooFast,
    "error_gateway_rate": TooFast,
    "error_gateway_secret": NotAllowed,
    "error_poison": Upstream,
}
READ_AS_LOGS = {"documented_create", "documented_failed_notice", "documented_lifecycle", "today_lifecycle"}
READ_OTHERWISE = {"today_rolling_converge", "today_search_alert"}


def payload(name: str) -> Any:
    """Return a payload, parsed."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def shown(log: Log) -> list[tuple[str, float]]:
    """Return operate and time of each record."""
    return [(record.operate, record.created_at) for record in log.records]


def counted(log: Log) -> dict[tuple[str, str], int]:
    """Return how many records there are by operate and status."""
    return dict(Counter((record.operate, record.status) for record in log.records))


def anomalies(log: Log) -> list[int]:
    """Return the anomaly counts that the log has, newest first."""
    return [record.anomaly_count for record in log.records if record.anomaly_count is not None]


def test_the_documented_sample_is_one_creation() -> None:
    """The sample of the documents is a CREATE at midnight in Shanghai, with no anomaly count."""
    log = read_log(payload("documented_create"), SHANGHAI)

    assert counted(log) == {("CREATE", "SUCCESS"): 1}
    assert shown(log) == [("CREATE", 1_577_808_000)]
    assert anomalies(log) == []
    assert log.rejected == {}


def test_a_failed_notice_keeps_its_status() -> None:
    """A notice that found nobody is counted as FAILED, beside its alert's creation."""
    log = read_log(payload("documented_failed_notice"), SHANGHAI)

    assert counted(log) == {("ANOMALY_NOTICE", "FAILED"): 1, ("CREATE", "SUCCESS"): 1}
    assert shown(log) == [("ANOMALY_NOTICE", 1_642_390_290), ("CREATE", 1_642_390_286)]
    assert anomalies(log) == []


def test_a_documented_life_has_eight_records_and_62_anomalies() -> None:
    """A life as the documents describe it: eight records of seven operates, 12 and 50 anomaly points."""
    log = read_log(payload("documented_lifecycle"), SHANGHAI)

    assert counted(log) == {
        ("ACK", "SUCCESS"): 1,
        ("ACTION", "SUCCESS"): 1,
        ("ANOMALY_NOTICE", "SUCCESS"): 1,
        ("CONVERGE", "SUCCESS"): 2,
        ("CREATE", "SUCCESS"): 1,
        ("RECOVER", "SUCCESS"): 1,
        ("SEVERITY_UP", "SUCCESS"): 1,
    }
    assert anomalies(log) == [12, 50]
    assert [at - 1_642_390_286 for _, at in shown(log)] == [4114, 3514, 570, 394, 104, 4, 3, 0]


def test_a_life_of_today_has_eight_records_and_no_anomaly_count() -> None:
    """A life as current servers tell it: numbers for event ids, empty `extend_info`, four converged rows."""
    log = read_log(payload("today_lifecycle"), SHANGHAI)

    assert counted(log) == {
        ("ACK", "SUCCESS"): 1,
        ("ACTION", "SUCCESS"): 1,
        ("CONVERGE", "SUCCESS"): 4,
        ("CREATE", "SUCCESS"): 1,
        ("RECOVER", "SUCCESS"): 1,
    }
    assert anomalies(log) == []
    assert shown(log)[-1] == ("CREATE", 1_683_879_705)
    assert [at - 1_683_879_705 for _, at in shown(log)] == [4695, 4575, 4515, 205, 135, 75, 2, 0]


@pytest.mark.parametrize(("poll", "seconds"), [(0, [60, 0]), (1, [120, 60, 0]), (2, [180, 120, 0])])
def test_converged_rows_are_read_as_each_poll_shows_them(poll: int, seconds: list[float]) -> None:
    """A rolling view is read as it is: the log has the rows of that poll, however their times slid."""
    rolling = payload("today_rolling_converge")

    log = read_log(rolling["polls"][poll], SHANGHAI)

    assert len(log.records) == rolling["records_counted"][poll]
    assert [at - 1_683_879_705 for _, at in shown(log)] == seconds
    assert [operate for operate, _ in shown(log)] == ["CONVERGE"] * (len(seconds) - 1) + ["CREATE"]


@pytest.mark.parametrize("read", [lambda answer: read_log(answer, SHANGHAI), read_page], ids=["log", "page"])
@pytest.mark.parametrize(("name", "error"), REFUSALS.items())
def test_each_refusal_is_the_error_that_it_means(
    name: str, error: type[BlueKingError], read: Callable[[object], object]
) -> None:
    """A refusal of bk-monitor, ESB or gateway raises exactly the error to act upon, with its words and its code."""
    answer = payload(name)

    with pytest.raises(BlueKingError) as caught:
        read(answer)

    assert type(caught.value) is error
    assert f"code {answer['code']}" in str(caught.value)
    assert answer["message"][:60] in str(caught.value)
    assert answer.get("request_id", "") in str(caught.value)


def test_a_search_of_today_finds_three_alerts() -> None:
    """One is open, one acknowledged, one recovered; numbers, texts and nulls are all label values."""
    page = read_page(payload("today_search_alert"))

    same = {"alert_name": '磁盘使用率 "过高"\\', "bk_biz_name": "demo", "category": "os"}
    disk = same | {"bk_biz_id": "3", "strategy_id": "169", "strategy_name": "disk"}
    foreign = same | {"bk_biz_id": "5000140", "strategy_id": "", "strategy_name": ""}
    updated = 1_683_981_142
    assert (page.total, page.is_partial, page.rejected) == (3, False, {})
    assert page.sightings == (
        Sighting("168387970514723", disk | {"severity": "fatal"}, created_at=1_683_879_705, updated_at=updated),
        Sighting(
            "16424876305819837",
            foreign | {"severity": "warning"},
            is_acked=True,
            created_at=1_642_487_630,
            updated_at=updated,
        ),
        Sighting(
            "168387970514724",
            disk | {"severity": "remind"},
            created_at=1_683_879_705,
            ended_at=1_683_884_400,
            outcome=Outcome.RECOVERED,
            updated_at=updated,
        ),
    )


def test_a_search_is_no_log_and_a_log_is_no_search() -> None:
    """Each says yes as the other does; taken for the other it is unreadable, not empty."""
    with pytest.raises(Unreadable, match="expected a list of records"):
        read_log(payload("today_search_alert"), SHANGHAI)
    with pytest.raises(Unreadable, match="expected a list of alerts"):
        read_page(payload("today_lifecycle"))


def test_no_payload_is_forgotten() -> None:
    """Each payload in the box is read by a test above."""
    assert {path.stem for path in PAYLOADS.glob("*.json")} == READ_AS_LOGS | READ_OTHERWISE | REFUSALS.keys()
