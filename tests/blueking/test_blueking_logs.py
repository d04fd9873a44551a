"""Logs read from answers: what is a record, when it was, and what is rejected instead of guessed."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.blueking import BlueKingError, Head, Unreadable, read_body, read_log
from exporter.flow.records import OTHER, FlowRecord, Log

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NO_OBJECTS: list[object] = ["", None, [], "{", "[" * 100_000, "7", 7, {}]
NO_COUNTS: list[object] = [
    *(True, -1, "-1", 1.5, "1.5", "", None, [1], {}, "٣"),
    *(float("nan"), float("inf"), 10**400, "9" * 5000),
]
MIDNIGHT = 1_577_808_000.0  # 2020-01-01 00:00:00 in Shanghai


def row(**fields: object) -> dict[str, object]:
    """Return a CREATE row at midnight, with some fields changed."""
    return {"operate": "CREATE", "status": "SUCCESS", "create_time": "2020-01-01 00:00:00", **fields}


def read(*rows: object, zone: ZoneInfo = SHANGHAI) -> Log:
    """Return the log of some rows."""
    return read_log({"result": True, "data": list(rows)}, zone)


def time_of(create_time: object, zone: ZoneInfo = SHANGHAI) -> float | None:
    """Return when a row with that `create_time` was, None where it was rejected."""
    log = read(row(create_time=create_time), zone=zone)
    assert log.rejected == ({} if log.records else {"create_time": 1})
    return log.records[0].created_at if log.records else None


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_an_alert_without_rows_has_an_empty_log(nothing: object) -> None:
    """No rows come as null, as an object or as a list: all are an empty log."""
    assert read_log({"result": True, "data": nothing}, SHANGHAI) == Log()


def test_a_single_record_as_an_object_is_a_log_of_one() -> None:
    """The documents call `data` a dict; one that looks like a record is read as one."""
    assert read_log({"result": True, "data": row()}, SHANGHAI) == read(row())


@pytest.mark.parametrize("content", [{"alerts": []}, "CREATE", 5, True])
def test_data_of_another_shape_is_unreadable_not_empty(content: object) -> None:
    """What is no list of rows is never taken for an empty log."""
    with pytest.raises(Unreadable, match="get_event_log: expected a list of records"):
        read_log({"result": True, "data": content}, SHANGHAI)


def test_records_come_newest_first_and_ties_as_they_were() -> None:
    """Records are sorted by time, newest first; rows of one second stay in the server's order."""
    rows = [
        row(operate=operate, create_time=f"2020-01-01 00:00:0{at}")
        for operate, at in zip("BDAC", (1, 2, 1, 3), strict=True)
    ]

    assert [record.operate for record in read(*rows).records] == ["C", "D", "B", "A"]


def test_operates_and_statuses_are_open_sets() -> None:
    """Names that we do not know stay; what is no name, or is missing, becomes OTHER."""
    log = read(row(operate="EVENT_DROP", status="PARTIAL_SUCCESS"), row(operate="drop it", status=None))

    assert [(record.operate, record.status) for record in log.records] == [
        ("EVENT_DROP", "PARTIAL_SUCCESS"),
        (OTHER, OTHER),
    ]


@pytest.mark.parametrize("operate", [None, 7, "", "  ", ["ACK"], {}])
def test_a_row_without_operate_is_rejected(operate: object) -> None:
    """A row that does not say in words what happened is no record."""
    assert read(row(operate=operate), row()).rejected == {"operate": 1}


def test_unreadable_rows_are_counted_by_reason_and_the_rest_is_read() -> None:
    """One bad row costs that row alone."""
    log = read("row", None, 1, row(operate=None), row(create_time="yesterday"), row(create_time=None), row())

    assert log.rejected == {"not_an_object": 3, "operate": 1, "create_time": 2}
    assert log.records == (FlowRecord("CREATE", "SUCCESS", MIDNIGHT),)


@pytest.mark.parametrize(
    ("create_time", "seconds"),
    [
        ("2020-01-01 00:00:00", MIDNIGHT),
        (" 2020-01-01T00:00:00 ", MIDNIGHT),
        ("2020-01-01 00:00:00.250", MIDNIGHT + 0.25),
        ("2020-01-01 00:00:00.250000999", MIDNIGHT + 0.25),
        ("2020-01-01 00:00:00+00:00", MIDNIGHT + 8 * 3600),
        ("2020-01-01T00:00:00Z", MIDNIGHT + 8 * 3600),
        ("2019-12-31T11:00:00.5-0500", MIDNIGHT + 0.5),
        (1_577_808_000, MIDNIGHT),
        (1_577_808_000.5, MIDNIGHT + 0.5),
        ("1577808000", MIDNIGHT),
        ("1577808000.5", MIDNIGHT + 0.5),
    ],
)
def test_times_are_read_in_every_shape_that_servers_write(create_time: object, seconds: float) -> None:
    """A time without offset is the server's; one with an offset, or in unix seconds, is itself."""
    assert time_of(create_time) == seconds


@pytest.mark.parametrize(
    "create_time",
    [
        *(None, True, "", "now", "2020-01-01", "2020-13-01 00:00:00", "2020-01-01 24:01:00", "20200101T000000"),
        *("0000-01-01 00:00:00", "0001-01-01 00:00:00", "1969-12-31 00:00:00", "2200-01-02 00:00:00"),
        *("9999-12-31 23:59:59", "2020-01-01 00:00:00+25:00", "٢٠٢٠-01-01 00:00:00", "9999-12-31 23:59:59-23:59"),
        *(-1, 1_577_808_000_000, 10**400, float("nan"), float("inf"), [], {}, "1" * 5000),
    ],
)
def test_times_that_cannot_be_are_rejected(create_time: object) -> None:
    """Nonsense, milliseconds and years outside of 1970 to 2199 are rejected, not guessed."""
    assert time_of(create_time) is None


def test_an_hour_that_happens_twice_is_the_first_one() -> None:
    """When clocks are set back a local time is ambiguous: the first occurrence is meant."""
    assert time_of("2021-10-31 02:30:00", BERLIN) == 1_635_640_200  # 00:30 UTC, still summer time


@pytest.mark.parametrize(
    ("born_at", "seconds"),
    [
        ("2021-10-31T00:29:00Z", 1_635_640_200),  # a minute before the first of the two
        ("2021-10-31T00:31:00Z", 1_635_640_200),  # a minute after it: clocks that differ
        ("2021-10-31T00:32:00Z", 1_635_643_800),
        ("2021-10-31T01:30:00Z", 1_635_643_800),
        ("2021-10-31T01:40:00Z", 1_635_643_800),
    ],
)
def test_an_hour_that_happens_twice_is_none_before_its_alert(born_at: str, seconds: float) -> None:
    """Once clocks were set back, a record is of the second occurrence where its alert was not there at the first."""
    answer = {"result": True, "data": [row(create_time="2021-10-31 02:30:00")]}

    log = read_log(answer, BERLIN, born_at=datetime.fromisoformat(born_at).timestamp())

    assert [record.created_at for record in log.records] == [seconds]


def test_only_ambiguous_times_go_by_the_alert() -> None:
    """A record from before its alert is told as it is, also in the hour that clocks skip."""
    for create_time in ("2021-10-31 01:30:00", "2021-03-28 02:30:00"):
        answer = {"result": True, "data": [row(create_time=create_time)]}
        born_at = MIDNIGHT + 10 * 365 * 86_400

        assert read_log(answer, BERLIN, born_at=born_at) == read_log(answer, BERLIN)


def test_an_hour_that_never_happened_is_read_all_the_same() -> None:
    """When clocks are set forward a server may still write the skipped hour: it is taken as of before the change."""
    assert time_of("2021-03-28 02:30:00", BERLIN) == 1_616_895_000  # 01:30 UTC


@pytest.mark.parametrize(
    ("extend_info", "count"),
    [
        ({"anomaly_count": 50}, 50),
        ({"anomaly_count": 0}, 0),
        ({"anomaly_count": 12.0}, 12),
        ({"anomaly_count": "12"}, 12),
        ('{"anomaly_count": 12}', 12),
        ({"anomaly_count": 2**53}, 2**53),
        *((nothing, None) for nothing in NO_OBJECTS),
        *(({"anomaly_count": nothing}, None) for nothing in NO_COUNTS),
    ],
)
def test_an_anomaly_count_is_a_whole_number_or_absent(extend_info: object, count: int | None) -> None:
    """`extend_info` is an object, its JSON text or nothing; only a count that can be one is taken."""
    assert [record.anomaly_count for record in read(row(extend_info=extend_info)).records] == [count]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TIMES = st.from_regex(r"\A\d{4}-[01]\d-[0-3]\d[ T][0-2]\d:[0-5]\d:[0-6]\d(Z|[+-]\d\d:\d\d)?\Z") | st.floats() | JSON
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "operate": st.sampled_from(["CREATE", "ACK", "drop"]) | JSON,
        "status": JSON,
        "create_time": TIMES,
        "extend_info": st.fixed_dictionaries({"anomaly_count": JSON}) | JSON,
    },
)
ANSWERS = st.fixed_dictionaries(
    {}, optional={"result": st.booleans() | JSON, "code": JSON, "message": JSON, "data": JSON, "request_id": JSON}
)


# A busy machine is no failure of what is tested here.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(read: Callable[[], object]) -> object:
    """Return what a read gives, or the error of ours that it raises; any other error is a failed test."""
    try:
        return read()
    except BlueKingError as error:
        return error


@CALM
@given(answer=ANSWERS | JSON)
def test_no_answer_is_a_surprise(answer: Any) -> None:
    """Whatever JSON comes is a log or one of our errors, told in one line."""
    got = outcome(lambda: read_log(answer, SHANGHAI))

    assert isinstance(got, Log) or (isinstance(got, BlueKingError) and str(got).isprintable())


@CALM
@given(rows=st.lists(ROWS | JSON, max_size=8), zone=st.sampled_from([SHANGHAI, BERLIN]))
def test_every_row_is_a_record_or_rejected(rows: list[Any], zone: ZoneInfo) -> None:
    """No row is lost or counted twice, and the records come newest first."""
    log = read(*rows, zone=zone)

    times = [record.created_at for record in log.records]
    assert len(log.records) + sum(log.rejected.values()) == len(rows)
    assert times == sorted(times, reverse=True)


@CALM
@given(
    body=st.binary() | JSON.map(lambda answer: json.dumps(answer).encode()),
    status=st.integers(100, 599),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "X-Bkapi-RateLimit-Reset", "X-Bkapi-Error-Code", "Location"]), st.text()
    ),
)
def test_no_body_is_a_surprise(body: bytes, status: int, headers: dict[str, str]) -> None:
    """Whatever bytes come, with whatever status and headers, are JSON or one of our errors."""
    head = Head("get_event_log", status, headers, 1_700_000_000.0)

    got = outcome(lambda: read_body(body, head))

    assert str(got).isprintable() if isinstance(got, BlueKingError) else 200 <= status < 300


def test_a_depth_bomb_is_unreadable() -> None:
    """JSON nested deeper than Python can follow fails that poll alone."""
    with pytest.raises(Unreadable):
        read_body(b"[" * 500_000, Head("get_event_log", 200))


def test_an_answer_of_too_many_values_is_unreadable() -> None:
    """Each `{}` of three bytes would take 72 in memory: what could end the exporter is refused before it is read."""
    body = b'{"result": true, "data": [' + b"{}," * 1_000_000 + b"{}]}"

    with pytest.raises(Unreadable, match="expected JSON, got more than 2000000 values"):
        read_body(body, Head("get_event_log", 200))


def test_ids_beyond_the_precision_of_floats_are_read() -> None:
    """Seventeen digits of an event id, or more, are no reason to lose a log."""
    body = json.dumps({"result": True, "data": [row(event_id=16424876305819837), row(event_id=10**300)]}).encode()

    assert len(read_log(read_body(body, Head("get_event_log", 200)), SHANGHAI).records) == 2
