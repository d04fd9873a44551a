"""Exemplars on the time to ack, and when series came to be."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from prometheus_client.samples import Exemplar as Exposed
from prometheus_client.samples import Timestamp

from exporter.ledger import Exemplar, SeriesTotal
from exporter.metrics import Form, Format, Snapshot
from tests.metrics.moments import ACK_TIMES, RECORDS, TOTALS, make_moment, take

VALUES = (1.0, 0.0, 2.0, 1234.5)
CREATED = {RECORDS: SeriesTotal((3.0,), revealed=True, created_at=1_600_000_000.5), ACK_TIMES: TOTALS[ACK_TIMES]}


def snapshot(total: SeriesTotal) -> Snapshot:
    """Return the snapshot of times to ack alone."""
    return take(make_moment({ACK_TIMES: total}, alerts={}), CollectorRegistry())


def exemplars(shown: Snapshot) -> dict[str, Exposed | None]:
    """Return the exemplar of each bucket, as the client library's parser reads it."""
    families = openmetrics_families(shown.body(Form(Format.OPENMETRICS)).decode())
    samples = [sample for family in families for sample in family.samples]
    return {s.labels["le"]: s.exemplar for s in samples if s.name == "bkmonitor_flow_time_to_ack_seconds_bucket"}


def test_a_bucket_names_the_alert_that_it_counted_last() -> None:
    """With the time to ack and the moment of the read, in OpenMetrics only; other buckets name none."""
    shown = snapshot(SeriesTotal(VALUES, revealed=True, exemplars={2: Exemplar("42", 612.0, 1_700_000_000.1234)}))

    assert exemplars(shown) == {
        "60.0": None,
        "300.0": None,
        "+Inf": Exposed({"alert_id": "42"}, 612.0, Timestamp(1_700_000_000, 123_000_000)),
    }
    assert "42" not in shown.body(Form(Format.TEXT)).decode()


def test_a_series_that_is_still_served_as_zero_names_no_alert() -> None:
    """An exemplar beside a count of 0 would be a lie."""
    shown = snapshot(SeriesTotal(VALUES, served_at=5.0, exemplars={2: Exemplar("42", 612.0, 1_700_000_000.0)}))

    assert exemplars(shown) == {"60.0": None, "300.0": None, "+Inf": None}


@pytest.mark.parametrize(("length", "fits"), [(120, True), (121, False)])
def test_an_id_that_is_too_long_for_an_exemplar_is_left_out(length: int, fits: bool) -> None:
    """OpenMetrics allows 128 characters for an exemplar's names and values together; the ids may be longer."""
    shown = snapshot(SeriesTotal(VALUES, revealed=True, exemplars={0: Exemplar("x" * length, 5.0, 1_700_000_000.0)}))

    assert (exemplars(shown)["60.0"] is not None) == fits


def created(shown: Snapshot, format_: Format) -> dict[str, float]:
    """Return the `_created` samples by name, as the client library's parser reads them."""
    read = openmetrics_families if format_ is Format.OPENMETRICS else text_families
    samples = [sample for family in read(shown.body(Form(format_)).decode()) for sample in family.samples]
    return {sample.name: sample.value for sample in samples if sample.name.endswith("_created")}


@pytest.mark.parametrize("format_", Format)
def test_created_lines_tell_when_a_series_came_to_be(format_: Format) -> None:
    """Where they are switched on, counters and histograms of alerts have one each, in both formats."""
    shown = take(replace(make_moment(CREATED), created_series=True), CollectorRegistry())

    assert created(shown, format_) == {
        "bkmonitor_flow_records_created": 1_600_000_000.5,
        "bkmonitor_flow_time_to_ack_seconds_created": 1_600_000_000.5,
    }


@pytest.mark.parametrize("format_", Format)
def test_a_series_that_began_with_history_has_no_created_line(format_: Format) -> None:
    """Its value is no increase since any moment that we know; and without the switch none has one."""
    history = {series: replace(total, created_at=None) for series, total in CREATED.items()}
    shown = take(replace(make_moment(history), created_series=True), CollectorRegistry())

    assert created(shown, format_) == {}
    assert created(take(make_moment(CREATED), CollectorRegistry()), format_) == {}
