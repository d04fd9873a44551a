"""Whatever text an alert or a config brings, the exposition stays one that everybody can read."""

import subprocess
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.flow.labels import LONGEST_VALUE, Labels, extend, label_value, make_labels
from exporter.flow.observations import Total
from exporter.flow.sightings import Sighting
from exporter.ledger import Series, SeriesTotal
from exporter.metrics import Form, Format, Snapshot
from tests.metrics.moments import make_alert, make_moment, take

NASTY = [
    '"',
    "\\",
    "\n",
    '\\"',
    "\\n",
    "\r",
    "\r\n",
    "\t",
    "\0",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u2028",
    "🔥",
    "\ud800",
    "\ufeff",
]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(categories=["Cc", "Cs", "Zl", "Zp", "Po"]), max_size=10),
    st.lists(st.sampled_from([*NASTY, "a", "}", "{", ",", "=", "#", " "]), max_size=12).map("".join),
    st.sampled_from([text * 10_000 for text in ("a", '"', "\\", "\n", "\0", "🔥", "\ud800")]),
)


def exposed(texts: Iterable[str]) -> Snapshot:
    """Return the snapshot of alerts that a search found, each with one of the texts wherever a text may stand."""
    alerts = {}
    totals = {}
    for number, text in enumerate(texts):
        sighting = Sighting(str(number), {"alert_name": text, "strategy_name": text, "strategy_id": text})
        labels = make_labels({"source": "prod", "n": str(number), "category": text, "team": text})
        known = make_alert(str(number), labels, sighting=sighting, anomaly_count=1)
        alerts[known.key] = known
        totals[Series(Total.RECORDS, extend(labels, operate="ACK"))] = SeriesTotal((1.0,), revealed=True)
        totals[Series(Total.TIME_TO_ACK, labels)] = SeriesTotal((1.0, 0.0, 0.0, 1.0), revealed=True)
    return take(make_moment(totals, alerts=alerts), CollectorRegistry())


def parsed(families: Iterable[Metric], name: str) -> dict[str, Labels]:
    """Return the labels of each sample of a metric by its label `n`."""
    samples = [sample.labels for family in families for sample in family.samples if sample.name == name]
    return {labels["n"]: make_labels(labels) for labels in samples}


@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_the_client_librarys_parsers_read_any_text(texts: list[str]) -> None:
    """In both formats each sample comes back with exactly the labels that the alert got."""
    snapshot = exposed(texts)
    readers: dict[Format, Callable[[str], Iterable[Metric]]] = {
        Format.TEXT: text_families,
        Format.OPENMETRICS: openmetrics_families,
    }

    for format_, read in readers.items():
        found = parsed(read(snapshot.body(Form(format_)).decode()), "bkmonitor_flow_alert_info")
        assert len(found) == len(texts)
        for number, text in enumerate(texts):
            names = ("alert_name", "strategy_name", "strategy_id", "category", "team")
            values = dict.fromkeys(names, label_value(text))
            assert dict(found[str(number)]) == {
                name: value
                for name, value in {"source": "prod", "n": str(number), "alert_id": str(number), **values}.items()
                if value
            }


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=30))
def test_promtool_reads_any_text(texts: list[str]) -> None:
    """`promtool check metrics` has no complaint but the one of the name that the contract fixes."""
    body = exposed(texts).body(Form(Format.TEXT))

    checked = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)

    lines = (checked.stdout + checked.stderr).decode().splitlines()
    assert [line for line in lines if not line.startswith("bkmonitor_flow_anomaly_count ")] == []


@given(text=TEXTS)
def test_a_value_is_short_clean_and_stays(text: str) -> None:
    """It is valid UTF-8 without control characters, no longer than the bound, empty only for nothing, and settled."""
    value = label_value(text)

    assert len(value) <= LONGEST_VALUE
    assert value.encode().decode() == value
    assert not [sign for sign in value if (sign < " " and sign not in "\n\t") or sign == "\x7f"]
    assert bool(value) == bool(text)
    assert label_value(value) == value


@given(one=TEXTS, other=TEXTS, long=st.booleans())
def test_two_texts_stay_two_values(one: str, other: str, long: bool) -> None:
    """What is cut or replaced does not make two alerts' labels one."""
    prefix = "x" * 300 if long else ""

    assert (label_value(prefix + one) == label_value(prefix + other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('say "hi"\\\n\t🔥', 'say "hi"\\\n\t🔥'),
        ("磁盘使用率", "磁盘使用率"),
        ("a\0b\x1b\r\x7f", "a␀b␛␍␡"),
        ("x" * 256, "x" * 256),
        ("x" * 257, "x" * 247 + "…15eb95a4"),
        ("a\ud800", "a\ufffd…"),
    ],
)
def test_what_becomes_of_a_text(text: str, value: str) -> None:
    """Text stays as it is; control characters become their pictures, what is lost leaves a digest."""
    assert label_value(text).startswith(value)
