"""What a scrape reads, to the letter, and what the parsers of others make of it."""

import gzip
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import Series, SeriesTotal
from exporter.metrics import Form, Format, OwnMetrics, Snapshot
from tests.metrics.moments import ACK_TIMES, ALERTS, RECORDS, TOTALS, make_alert, make_moment, make_state, take

GOLDEN = Path(__file__).parent / "golden"
NOTHING = CollectorRegistry()


def body(snapshot: Snapshot) -> str:
    """Return the text exposition."""
    return snapshot.body(Form(Format.TEXT)).decode()


def lines(snapshot: Snapshot, name: str) -> list[str]:
    """Return the samples of a metric."""
    return [line for line in body(snapshot).splitlines() if line.startswith((f"{name}{{", f"{name} "))]


@pytest.mark.parametrize(("format_", "file"), [(Format.TEXT, "text.txt"), (Format.OPENMETRICS, "openmetrics.txt")])
def test_the_exposition_is_golden(format_: Format, file: str) -> None:
    """Names, types, helps, labels and values are those that dashboards and rules rely on."""
    assert take(make_moment(), NOTHING).body(Form(format_)).decode() == (GOLDEN / file).read_text()


def test_promtool_objects_to_nothing_but_the_name_that_the_contract_fixes() -> None:
    """`promtool check metrics` is silent but for anomaly_count: a gauge whose name the contract ends in `_count`."""
    own = OwnMetrics("1.2.3")
    own.add_source("prod", ["upstream"], ["get_event_log"])

    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=take(make_moment(), own).body(Form(Format.TEXT)),
        capture_output=True,
        check=False,
    )

    assert (checked.stdout + checked.stderr).decode().splitlines() == [
        'bkmonitor_flow_anomaly_count non-histogram and non-summary metrics should not have "_count" suffix'
    ]


def test_the_client_librarys_parsers_read_both_formats() -> None:
    """Label values with quotes, backslashes, line breaks and emoji come back as they were."""
    own = OwnMetrics("1.2.3")
    own.add_source("prod", ["upstream"], ["get_event_log"])
    snapshot = take(make_moment(), own)

    for families in (
        openmetrics_families(snapshot.body(Form(Format.OPENMETRICS)).decode()),
        text_families(body(snapshot)),
    ):
        samples = {(s.name, s.labels.get("le")): s for family in families for s in family.samples}
        assert samples["bkmonitor_flow_records_total", None].labels["team"] == 'pay"ments\\\n🔥'
        assert samples["bkmonitor_flow_time_to_ack_seconds_bucket", "+Inf"].value == 3


def test_gzipped_bodies_are_the_plain_ones() -> None:
    """A client that takes gzip reads the same."""
    snapshot = take(make_moment(), NOTHING)

    for format_ in Format:
        assert gzip.decompress(snapshot.body(Form(format_, is_gzipped=True))) == snapshot.body(Form(format_))


def test_nothing_of_a_source_shows_before_its_baseline_is_complete() -> None:
    """Until then its flow metrics are absent; its own metrics are there, and what the config alone tells."""
    snapshot = take(make_moment(baselines={}), NOTHING)

    samples = [line for line in body(snapshot).splitlines() if not line.startswith("#")]
    own = ("bkmonitor_flow_exporter_", "bkmonitor_flow_ack_target_seconds")
    assert [line for line in samples if not line.startswith(own)] == []
    assert lines(snapshot, "bkmonitor_flow_exporter_source_up") == [
        'bkmonitor_flow_exporter_source_up{source="prod"} 1.0'
    ]
    assert snapshot.newborn == ()


def test_a_source_that_left_the_config_shows_no_more() -> None:
    """Its totals stay in the ledger, for the day it comes back."""
    assert lines(take(make_moment(state=make_state(name="other")), NOTHING), "bkmonitor_flow_records_total") == []


def test_a_new_series_is_born_at_zero() -> None:
    """A series that is not revealed is served as 0, histograms with all their buckets, and is named as newborn."""
    young = {RECORDS: SeriesTotal((3.0,)), ACK_TIMES: SeriesTotal((1.0, 0.0, 2.0, 9.0), served_at=5.0)}
    snapshot = take(make_moment(young), NOTHING)

    assert [line.rsplit(" ", 1)[1] for line in lines(snapshot, "bkmonitor_flow_records_total")] == ["0.0"]
    buckets = lines(snapshot, "bkmonitor_flow_time_to_ack_seconds_bucket")
    assert [line.rsplit(" ", 1)[1] for line in buckets] == ["0.0"] * 3
    assert snapshot.newborn == (RECORDS,)


def test_without_a_hold_values_show_at_once() -> None:
    """`birth_hold: 0s` switches births off."""
    snapshot = take(make_moment({RECORDS: SeriesTotal((3.0,))}, birth_hold=0), NOTHING)

    assert lines(snapshot, "bkmonitor_flow_records_total")[0].endswith(" 3.0")
    assert snapshot.newborn == ()


def test_alerts_that_are_watched_no_more_have_no_gauges() -> None:
    """Per-alert series and the number of open alerts follow the watches."""
    snapshot = take(make_moment({}, watched=frozenset([("prod", "1700000000001")])), NOTHING)

    assert len(lines(snapshot, "bkmonitor_flow_anomaly_count")) == 1
    told = sorted(line.rsplit(" ", 1)[1] for line in lines(snapshot, "bkmonitor_flow_open_alerts"))
    assert told == ["0.0", "0.0", "0.0", "1.0"]


def test_the_number_of_open_alerts_falls_to_zero_not_to_nothing() -> None:
    """Label sets that had alerts keep their series when the last one ended."""
    snapshot = take(make_moment(alerts={}), NOTHING)

    assert [line.rsplit(" ", 1)[1] for line in lines(snapshot, "bkmonitor_flow_open_alerts")] == ["0.0"] * 4


def test_the_number_of_open_alerts_does_not_vanish_while_the_last_one_settles() -> None:
    """Between the end of an alert and its being counted as ended, the series is there, at 0."""
    settling = make_alert("1700000000004", outcome=Outcome.CLOSED)
    snapshot = take(make_moment({}, alerts={settling.key: settling}), NOTHING)

    assert [line.rsplit(" ", 1)[1] for line in lines(snapshot, "bkmonitor_flow_open_alerts")] == ["0.0"] * 4


def test_shielded_alerts_are_counted_by_themselves() -> None:
    """What a search says of the shield tells open alerts apart."""
    known = make_alert("1700000000001", sighting=Sighting("1700000000001", is_shielded=True))
    told = lines(take(make_moment({}, alerts={known.key: known}), NOTHING), "bkmonitor_flow_open_alerts")

    assert [('acked="false"' in line, 'shielded="true"' in line) for line in told if line.endswith(" 1.0")] == [
        (True, True)
    ]


def test_an_alerts_own_labels_make_their_series() -> None:
    """Alerts that were first seen under other labels show under those, side by side."""
    other = make_labels({"source": "prod", "region": "eu"})
    alerts = {**ALERTS, ("prod", "1700000000009"): make_alert("1700000000009", other, anomaly_count=1)}
    totals = {**TOTALS, Series(Total.RECORDS, other): SeriesTotal((1.0,), revealed=True)}

    snapshot = take(make_moment(totals, alerts=alerts), NOTHING)

    assert 'bkmonitor_flow_anomaly_count{alert_id="1700000000009",region="eu",source="prod"} 1.0' in body(snapshot)


def test_unknown_times_have_no_series() -> None:
    """Before the first success, and while too few alerts tell the skew, there is no such sample."""
    snapshot = take(make_moment(state=make_state(last_success_at=None, timezone_skew=None)), NOTHING)

    assert lines(snapshot, "bkmonitor_flow_exporter_last_success_timestamp_seconds") == []
    assert lines(snapshot, "bkmonitor_flow_exporter_timezone_skew_seconds") == []


def test_own_metrics_start_at_zero_and_count() -> None:
    """Known label values are there from the start; every event adds to its own."""
    own = OwnMetrics("1.2.3")
    own.add_source("prod", ["upstream", "timeout"], ["get_event_log"])
    before = take(make_moment(), own)
    own.polled("prod")
    own.poll_failed("prod", "timeout")
    own.requested("prod", "get_event_log", "502", 0.3)
    own.throttled("prod", 1.5)
    own.committed(0.002)
    own.config_loaded(7.0)
    after = take(make_moment(), own)

    prefix = "bkmonitor_flow_exporter"
    for name, was, is_ in [
        ("polls_total", ["0.0"], ["1.0"]),
        ("poll_failures_total", ["0.0", "0.0"], ["0.0", "1.0"]),
        ("requests_total", ["0.0"], ["0.0", "1.0"]),
        ("request_duration_seconds_count", ["0.0"], ["1.0"]),
        ("throttled_seconds_total", ["0.0"], ["1.5"]),
        ("ledger_commits_total", ["0.0"], ["1.0"]),
        ("ledger_commit_duration_seconds_count", ["0.0"], ["1.0"]),
        ("config_last_reload_successful", ["0.0"], ["1.0"]),
        ("config_last_reload_success_timestamp_seconds", ["0.0"], ["7.0"]),
        ("build_info", ["1.0"], ["1.0"]),
    ]:
        assert [line.rsplit(" ", 1)[1] for line in lines(before, f"{prefix}_{name}")] == was
        assert [line.rsplit(" ", 1)[1] for line in lines(after, f"{prefix}_{name}")] == is_
    assert "_created" not in body(after)
    assert "process_resident_memory_bytes" in body(after)
    assert "python_info" in body(after)


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("bkmonitor_flow_records_total", ["bkmonitor_flow_records"]),
        ("bkmonitor_flow_records", ["bkmonitor_flow_records"]),
        ("bkmonitor_flow_time_to_ack_seconds_bucket", ["bkmonitor_flow_time_to_ack_seconds"]),
        ("bkmonitor_flow_exporter_source_up", ["bkmonitor_flow_exporter_source_up"]),
        ("nothing_of_ours", []),
    ],
)
def test_families_by_name(name: str, families: list[str]) -> None:
    """A family is told whole, whichever of its names is asked for."""
    snapshot = take(make_moment(), NOTHING)
    form = Form(Format.OPENMETRICS)

    body = snapshot.body(form, {name})

    assert [family.name for family in openmetrics_families(body.decode())] == families
    assert set(body.splitlines()) <= set(snapshot.body(form).splitlines())
    assert gzip.decompress(snapshot.body(Form(Format.OPENMETRICS, is_gzipped=True), {name})) == body
