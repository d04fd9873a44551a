"""The lines that we write, against those of the client library's encoders."""

import math
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest as text_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, extend, make_labels
from exporter.flow.sightings import Sighting
from exporter.metrics.alert_series import INFO, Alike
from exporter.metrics.lines import sample_line, with_exemplar

NAMES = st.sampled_from(["a", "alert_id", "alert_name", "b", "le", "m", "strategy_id", "strategy_name", "z"])
TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(['a"b\\c\nd', "", "42", "磁盘", "x" * 300, "\x00\ud800"]))
LABELS = st.dictionaries(NAMES, TEXTS, max_size=5).map(lambda pairs: make_labels({**pairs, "source": "prod"}))
FIELDS = st.dictionaries(NAMES, TEXTS, max_size=4)
NUMBERS = st.one_of(
    st.integers(-(10**9), 10**12),
    st.floats(1e5, 1e18),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        [0, 0.0, -0.0, 999_999, 1e6, 1_700_000_000.123, 9_999_999_999.0, 1e10, 1.5e12, 1e16, 5e-324, math.nan]
    ),
)


class One(Collector):
    """A registry of one family with one sample."""

    def __init__(self, labels: Labels, value: float, exemplar: Exemplar | None = None) -> None:
        self.metric = Metric("bkm", "Help.", "histogram")
        self.metric.add_sample("bkm_bucket", dict(labels), value, exemplar=exemplar)

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        yield self.metric


@given(LABELS, NUMBERS)
@example((("source", "prod"),), 2**53 + 1)  # a sum of counts may be one that no float is
def test_a_line_is_the_librarys(labels: Labels, value: float) -> None:
    """In both formats, for any text and any number."""
    line = sample_line("bkm_bucket", labels, value).encode()

    assert line == text_latest(One(labels, value)).splitlines(keepends=True)[2]
    assert openmetrics_latest(One(labels, value)).endswith(line + b"# EOF\n")


@given(LABELS, NAMES, TEXTS.filter(bool), NUMBERS)
def test_a_label_of_its_own_is_put_where_it_belongs(labels: Labels, name: str, own: str, value: float) -> None:
    """It wins over that of the same name."""
    assert sample_line("x", labels, value, (name, own)) == sample_line("x", extend(labels, **{name: own}), value)


@given(LABELS, TEXTS.filter(bool), FIELDS)
def test_the_line_of_an_alert_has_its_id_and_what_a_search_tells(
    labels: Labels, alert_id: str, fields: Mapping[str, str]
) -> None:
    """They win over the labels that the alert has, and what a search does not tell takes its label away."""
    known = KnownAlert("prod", alert_id, labels, 1.0, read_at=1.0, sighting=Sighting(alert_id, fields))
    told = {"alert_id": alert_id} | {name: fields.get(name, "") for name in INFO.fields}

    lines = INFO.lines("x", Alike([known, known]), [None, 1.0])

    assert list(lines) == ["", sample_line("x", extend(labels, **told), 1.0)]


@pytest.mark.parametrize("seconds", [0.25, 4.5, 1e6, 1234567.891])
def test_an_exemplar_is_the_librarys(seconds: float) -> None:
    """With its labels escaped, and its time as it is."""
    labels = make_labels({"source": "prod", "le": "60.0"})
    exemplar = Exemplar({"alert_id": 'a"b'}, seconds, 1_700_000_006.25)

    line = with_exemplar(sample_line("bkm_bucket", labels, 3.0), exemplar)

    assert openmetrics_latest(One(labels, 3.0, exemplar)).decode().endswith(f"{line}# EOF\n")


def test_without_an_exemplar_a_line_stays_as_it_is() -> None:
    """Most buckets have none."""
    assert with_exemplar("x 1.0\n", None) == "x 1.0\n"
