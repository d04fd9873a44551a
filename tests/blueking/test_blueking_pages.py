"""Pages read from answers of a search: what is known of an alert, and what is rejected instead of guessed."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.blueking import BlueKingError, Head, Page, Unreadable, Upstream, read_page
from exporter.config import json_schema
from exporter.flow.sightings import Outcome, Sighting

ID = "168387970514723"
NO_SEVERITIES: list[object] = [0, 4, -1, None, True, "fatal", "", [], 1.5, 10**400]
NOT_TRUE: list[object] = [None, False, 0, "", "false", "0", "yes", 2, [], [True], {}]
NO_TIMES: list[object] = [None, 0, "0", 0.0, "", -1, True, "2020-01-01 00:00:00", [], {}, 1_683_884_400_000]
NO_TOTALS: list[object] = [None, -1, True, "?", []]
ENDED = 1_683_884_400


def row(**fields: object) -> dict[str, object]:
    """Return the row of an open alert, with some fields changed."""
    return {"id": ID, "status": "ABNORMAL", "update_time": 1_683_981_142, **fields}


def read(*rows: object, **found: object) -> Page:
    """Return the page of some rows, with `found` beside them under `data`."""
    return read_page({"result": True, "data": {"alerts": list(rows), "total": len(rows), **found}})


def sighting(**fields: object) -> Sighting:
    """Return what a single row with these fields tells."""
    (only,) = read(row(**fields)).sightings
    return only


@pytest.mark.parametrize("alert_id", [ID, int(ID), 16424876305819837])
def test_an_id_is_the_text_of_its_digits(alert_id: object) -> None:
    """As a text or as a number, exact beyond the precision of floats."""
    assert sighting(id=alert_id).alert_id == str(alert_id)


def test_an_id_of_another_shape_is_one_where_the_config_takes_it() -> None:
    """An id that could be watched as a fixed one can be found as well."""
    assert sighting(id="0f-a.b_C").alert_id == "0f-a.b_C"


@pytest.mark.parametrize(
    "alert_id", [None, True, "", " ", "two words", "1\n", "\ud800", "9" * 129, 0, -5, 10**400, 1.6e14, [ID], {}]
)
def test_a_row_without_a_usable_id_is_rejected(alert_id: object) -> None:
    """Nothing can be asked about it; the rest of the page is read."""
    page = read(row(id=alert_id), row())

    assert page.rejected == {"search_row": 1}
    assert [found.alert_id for found in page.sightings] == [ID]


def test_values_that_python_calls_equal_are_read_each_as_it_is() -> None:
    """Rows with the same fields share what was read of them; 1, true and 1.0 are not the same."""
    values = [1, True, 1.0, "1", [1], 1, {"1": 1}, True]
    page = read(*(row(id=number, strategy_id=value) for number, value in enumerate(values, 1)))

    assert [found.fields["strategy_id"] for found in page.sightings] == ["1", "", "1", "1", "", "1", "", ""]


@pytest.mark.parametrize("other", [None, 7, ID, [], [row()], {}])
def test_a_row_that_is_no_alert_is_rejected(other: object) -> None:
    """Neither is what is no object, nor one without an id."""
    assert read(other, other, row()).rejected == {"search_row": 2}


def test_the_fields_are_those_that_labels_takes() -> None:
    """What the config can choose is there, as label values, under the same names; what is left out is empty."""
    fields = {
        "alert_name": ' disk "full"\\\n',
        "bk_biz_id": "5000140",
        "bk_biz_name": "demo",
        "category": "os",
        "strategy_id": 169,
        "strategy_name": "磁盘",
    }

    assert sighting(**fields, severity=1).fields == fields | {"strategy_id": "169", "severity": "fatal"}
    assert sighting().fields == dict.fromkeys([*fields, "severity"], "")
    assert set(sighting().fields) == set(json_schema()["properties"]["labels"]["items"]["anyOf"][0]["enum"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("", ""), (" a ", " a "), (3, "3"), (-7, "-7"), (3.0, "3"), (None, ""), (True, ""), ([], ""), ({}, "")),
        *((2.5, ""), (float("nan"), ""), (float("inf"), ""), (10**400, "")),
        *(("a\ud800b\udfff", "a?b?"), ("\U0001f525\0", "\U0001f525\0")),
    ],
)
@pytest.mark.parametrize("name", ["alert_name", "bk_biz_id", "strategy_name"])
def test_a_field_is_a_text_that_utf_8_can_hold(name: str, value: object, text: str) -> None:
    """Texts stay as they are, but for half a character, which becomes `?`; numbers are their digits."""
    assert sighting(**{name: value}).fields[name] == text


@pytest.mark.parametrize(
    ("severity", "name"),
    [
        *((1, "fatal"), (2, "warning"), (3, "remind"), ("1", "fatal"), (2.0, "warning")),
        *((level, "") for level in NO_SEVERITIES),
    ],
)
def test_a_severity_has_a_name_or_none(severity: object, name: str) -> None:
    """1, 2 and 3 have names; whatever else a server says has none."""
    assert sighting(severity=severity).fields["severity"] == name


@pytest.mark.parametrize(
    ("value", "is_so"),
    [
        *((yes, True) for yes in (True, "true", "True", 1, "1")),
        *((no, False) for no in NOT_TRUE),
    ],
)
def test_acked_and_shielded_are_so_only_where_it_is_said(value: object, is_so: bool) -> None:
    """Null means no, and so does false, which migrated alerts have."""
    assert sighting(is_ack=value).is_acked is is_so
    assert sighting(is_shielded=value).is_shielded is is_so


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("ABNORMAL", None), ("RECOVERED", Outcome.RECOVERED), ("CLOSED", Outcome.CLOSED)],
)
@pytest.mark.parametrize("end_time", [None, 0, ENDED, str(ENDED)])
def test_the_status_tells_how_an_alert_ended(status: str, outcome: Outcome | None, end_time: object) -> None:
    """An end needs no time, and a time makes no end of an open alert."""
    found = sighting(status=status, end_time=end_time)

    assert found.outcome is outcome
    assert found.ended_at == (ENDED if outcome and end_time else None)


@pytest.mark.parametrize("status", ["MIGRATED", "abnormal", "", None, 7, ["CLOSED"], {}])
def test_an_unknown_status_is_an_end_where_there_is_a_time_of_it(status: object) -> None:
    """Statuses are an open set: without an end time the alert is open, with one it is closed."""
    open_one, ended_one = sighting(status=status), sighting(status=status, end_time=ENDED)

    assert (open_one.outcome, open_one.ended_at) == (None, None)
    assert (ended_one.outcome, ended_one.ended_at) == (Outcome.CLOSED, ENDED)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *((ENDED, ENDED), (str(ENDED), ENDED), (f" {ENDED}.5 ", ENDED + 0.5), (ENDED + 0.5, ENDED + 0.5)),
        *((none, None) for none in NO_TIMES),
        *((none, None) for none in (float("nan"), float("inf"), 10**400, "1" * 5000)),
    ],
)
def test_times_are_unix_seconds_or_none(value: object, seconds: float | None) -> None:
    """A number or its digits; 0 and what can be no time are none."""
    found = sighting(create_time=value, update_time=value, end_time=value, status="CLOSED")

    assert (found.created_at, found.ended_at, found.updated_at) == (seconds, seconds, seconds or 0.0)


def test_of_an_alert_that_comes_twice_the_last_update_counts() -> None:
    """The newest row stands where the first one was; of equals the first counts, and nothing is rejected."""
    page = read(
        row(update_time=5, alert_name="old"),
        row(id="2", update_time=5, alert_name="first"),
        row(update_time="9", alert_name="new"),
        row(id="2", update_time=5, alert_name="second"),
        row(update_time=None, alert_name="unknown"),
    )

    assert [(found.alert_id, found.fields["alert_name"]) for found in page.sightings] == [(ID, "new"), ("2", "first")]
    assert (page.total, page.rejected) == (5, {})


@pytest.mark.parametrize(
    ("total", "read_as"), [(57, 57), ("57", 57), (57.0, 57), (0, 0), *((odd, 1) for odd in NO_TOTALS)]
)
def test_the_total_is_what_the_server_says(total: object, read_as: int) -> None:
    """Where it says nothing of use, it is the number of rows."""
    assert read(row(), total=total).total == read_as


@pytest.mark.parametrize(
    ("found", "is_partial"),
    [
        ({}, False),
        ({"is_partial": False, "partial_reasons": []}, False),
        ({"is_partial": None, "partial_reasons": None}, False),
        ({"is_partial": True}, True),
        ({"is_partial": "true"}, True),
        ({"is_partial": False, "partial_reasons": ["time-out"]}, True),
        ({"partial_reasons": "time-out"}, True),
    ],
)
def test_a_partial_page_says_so(found: dict[str, object], is_partial: bool) -> None:
    """By its flag, or by a reason for it."""
    assert read(row(), **found).is_partial is is_partial


def test_a_page_may_be_empty() -> None:
    """No alert on this page is no fault, whether there are others or none."""
    assert read() == Page()
    assert read(total=57) == Page(total=57)


@pytest.mark.parametrize("found", [{"total": 0}, {"total": "0", "alerts": None}])
def test_nothing_found_needs_no_list(found: object) -> None:
    """A total of 0 says why there is no list of alerts."""
    assert read_page({"result": True, "data": found}) == Page()


@pytest.mark.parametrize(
    "found", [None, {}, [], [row()], "none", 7, True, {"total": 1}, {"alerts": None}, {"alerts": {ID: row()}}]
)
def test_data_without_alerts_is_unreadable_not_empty(found: object) -> None:
    """What has no list of alerts is never taken for a search that found nothing."""
    with pytest.raises(Unreadable, match=r"^search_alert: expected a list of alerts under data\.alerts$"):
        read_page({"result": True, "data": found})


def test_a_refusal_is_the_error_that_it_means() -> None:
    """A page is read from a yes only; the error tells what the head of the answer tells."""
    answer = {"result": False, "code": 500, "message": "the result window is too large", "data": {}}

    with pytest.raises(Upstream, match=r"^search_alert: the result window is too large \(HTTP 200, code 500\)$"):
        read_page(answer, Head("search_alert", 200))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SURROGATES = st.text(st.characters() | st.characters(categories=["Cs"]))
ROWS = st.fixed_dictionaries(
    {"id": st.sampled_from(["1", "2", 1, 2]) | JSON},
    optional={
        "status": st.sampled_from(["ABNORMAL", "RECOVERED", "CLOSED"]) | JSON,
        "severity": st.integers(0, 4) | JSON,
        "alert_name": SURROGATES | JSON,
        "bk_biz_id": JSON,
        "is_ack": JSON,
        "end_time": st.integers(0, 2**33) | JSON,
        "update_time": st.integers(0, 3) | JSON,
    },
)
FOUND = st.fixed_dictionaries(
    {}, optional={"alerts": st.lists(ROWS | JSON) | JSON, "total": JSON, "is_partial": JSON, "partial_reasons": JSON}
)
ANSWERS = st.fixed_dictionaries({"result": st.just(True) | JSON, "data": FOUND | JSON}) | JSON

# A busy machine is no failure of what is tested here.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(read: Callable[[], object]) -> object:
    """Return what a read gives, or the error of ours that it raises; any other error is a failed test."""
    try:
        return read()
    except BlueKingError as error:
        return error


@CALM
@given(answer=ANSWERS)
def test_no_answer_is_a_surprise(answer: Any) -> None:
    """Whatever JSON comes is a page or one of our errors, told in one line."""
    got = outcome(lambda: read_page(answer))

    assert isinstance(got, Page) or (isinstance(got, BlueKingError) and str(got).isprintable())


@CALM
@given(rows=st.lists(ROWS | JSON, max_size=8))
def test_every_row_is_a_sighting_a_duplicate_or_rejected(rows: list[Any]) -> None:
    """No row is lost or counted twice, each alert is there once, and all that is told of it can be written."""
    page = read(*rows)

    ids = [found.alert_id for found in page.sightings]
    readable = [str(given["id"]) for given in rows if isinstance(given, dict) and str(given.get("id")) in ids]
    duplicates = len(readable) - len(set(readable))
    assert len(ids) == len(set(ids))
    assert len(ids) + duplicates + sum(page.rejected.values()) == len(rows)
    assert all("".join(found.fields.values()).encode() is not None for found in page.sightings)
