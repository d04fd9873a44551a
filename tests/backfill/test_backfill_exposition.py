"""The exposition of a history: what a parser of OpenMetrics reads in it, and what Prometheus would show."""

import re
from collections import defaultdict
from itertools import groupby
from math import isnan

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.backfill import Grid, History, Story, exposition
from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.flow.labels import make_labels
from exporter.flow.sightings import Outcome, Sighting
from exporter.ledger import View
from exporter.metrics import FLOW_FAMILIES, Moment, SourceState
from tests.backfill.stories import ALERT_ID, BORN, BOUNDS, GRID, G, story

TARGETS = AckTargets([AckTarget({"team": "payments"}, 300.0, 0.99)])
LIVES = (
    story(("CREATE", 0.0), ("ACTION", 3.0), ("ACK", 130.0), ("RECOVER", 290.0), target=300.0),
    story(("CREATE", 10.0), ("CONVERGE", 400.0), target=300.0, alert_id="170000001000042"),
    story(("CREATE", 50.0), alert_id="170000005000042", sighting=Sighting("170000005000042", is_shielded=True)),
    story(
        ("CREATE", -200.0),
        alert_id="169999980000042",
        sighting=Sighting("169999980000042", outcome=Outcome.CLOSED, ended_at=BORN + 20),
        labels=make_labels({"source": "prod", "team": 'a "b"\u2028\\\n'}),
    ),
)


def text_of(*stories: Story, grid: Grid = GRID, **more: str) -> str:
    """Return the exposition of these stories."""
    history = History(grid, BOUNDS)
    for one in stories:
        history.add(one)
    return "".join(exposition(history, TARGETS, more))


def series_of(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]]:
    """Return what a strict parser reads: (seconds after birth, value) pairs by name and labels.

    Moment by moment: the parser loses samples of histograms that have several.
    """
    lines = text.removesuffix("# EOF\n").split("\n")[:-1]
    stamps = dict.fromkeys(line.rsplit(" ", 1)[1] for line in lines if not line.startswith("#"))
    series: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]] = defaultdict(list)
    for stamp in stamps:
        told = [line for line in lines if line.startswith("#") or line.endswith(f" {stamp}")]
        for family in text_string_to_metric_families("\n".join([*told, "# EOF\n"])):
            for sample in family.samples:
                pairs = series[sample.name, frozenset(sample.labels.items())]
                pairs.append((round(float(stamp) - BORN, 3), sample.value))
    return {key: sorted(pairs) for key, pairs in series.items()}


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return the key of a series of the team payments."""
    return f"bkmonitor_flow_{name}", frozenset({**dict(G), **labels}.items())


def test_families_are_together_and_moments_ascend() -> None:
    """As OpenMetrics wants it: each family in one piece, each set of labels too, and the end is marked."""
    text = text_of(*LIVES)
    lines = text.split("\n")
    samples = [line.rsplit(" ", 2) for line in lines if line and not line.startswith("#")]
    by_series: dict[str, list[float]] = defaultdict(list)
    for name, _, stamp in samples:
        by_series[name].append(float(stamp))
    families = [line.split(" ")[2] for line in lines if line.startswith("# TYPE")]
    sets = [key for key, _ in groupby(re.sub(r'(_bucket|_sum|_count)|le="[^"]*",', "", name) for name, *_ in samples)]

    assert text.endswith("\n# EOF\n")
    assert all(stamps == sorted(set(stamps)) for stamps in by_series.values())
    assert len(families) == len(set(families))
    assert len(sets) == len(set(sets))


def test_a_counter_begins_at_zero_and_grows_when_something_happens() -> None:
    """With a sample before each change, so that the growth is not smeared over minutes."""
    series = series_of(text_of(*LIVES))

    assert series[key("records_total", operate="CREATE", status="SUCCESS")] == [
        (-59.999, 0),
        (0, 1),
        (60, 3),
        (360, 3),
        (600, 3),
    ]
    assert series[key("ack_deadlines_total", result="ended")] == [(-59.999, 0), (240, 0), (540, 0), (600, 0)]
    assert series[key("ack_deadlines_total", result="missed")] == [(-59.999, 0), (240, 0), (300, 0), (360, 1), (600, 1)]


def test_a_histogram_is_told_whole() -> None:
    """All buckets, the sum and the count, at each of its moments."""
    series = series_of(text_of(*LIVES))

    assert [series[key("time_to_ack_seconds_bucket", le=le)][-1] for le in ("60.0", "300.0", "+Inf")] == [
        (600, 0),
        (600, 1),
        (600, 1),
    ]
    assert series[key("time_to_ack_seconds_sum")][-1] == (600, 130)
    assert len({len(series[key(f"time_to_ack_seconds_{part}")]) for part in ("sum", "count")}) == 1


def test_gauges_have_their_history() -> None:
    """How many were open, and since when somebody was waited for; nothing where nobody was."""
    series = series_of(text_of(*LIVES))

    assert series[key("open_alerts", acked="false", shielded="false")] == [
        (-59.999, 0),
        (0, 1),
        (60, 2),
        (120, 2),
        (180, 1),
        (480, 1),
        (600, 1),
    ]
    assert series[key("open_alerts", acked="true", shielded="false")][-1] == (600, 0)
    assert series[key("open_alerts", acked="false", shielded="true")][-1] == (600, 1)
    assert series[key("oldest_unacked_timestamp_seconds")] == [
        (0, BORN),
        (120, BORN),
        (180, BORN + 10),
        (480, BORN + 10),
        (600, BORN + 10),
    ]
    other = frozenset(LIVES[3].known.labels)
    *before, (at, gone) = series["bkmonitor_flow_oldest_unacked_timestamp_seconds", other]
    assert before == [(-59.999, BORN - 200), (0, BORN - 200)]
    assert (at, isnan(gone)) == (60, True)


def test_at_its_end_the_gauges_are_those_of_a_scrape() -> None:
    """What the table of families makes of the same alerts is what the history ends with."""
    alerts = {life.known.key: life.known for life in LIVES}
    state = SourceState("prod", True, True, "", None, 0.0, {}, None)
    view = View(BOUNDS, {}, alerts, {("prod", 0): 0.0})
    moment = Moment(BORN + 600, view, frozenset(alerts), (state,), birth_hold=0.0, targets=TARGETS)
    names = {"open_alerts", "oldest_unacked_timestamp_seconds", "ack_target_seconds"}
    scraped = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in FLOW_FAMILIES
        if family.name.removeprefix("bkmonitor_flow_") in names
        for sample in family.build(moment).samples
    }

    told = {key: pairs[-1][1] for key, pairs in series_of(text_of(*LIVES)).items() if pairs[-1][0] == 600}

    assert {key: value for key, value in told.items() if key[0].removeprefix("bkmonitor_flow_") in names} == scraped


def test_further_labels_are_given_to_every_series() -> None:
    """So that they join those of the scraped ones."""
    series = series_of(text_of(*LIVES, job="flow", instance="backfill"))

    assert all({("job", "flow"), ("instance", "backfill")} <= labels for _, labels in series)


def test_an_empty_history_is_an_exposition() -> None:
    """Families without series, and the end."""
    assert list(series_of(text_of())) == [("bkmonitor_flow_ack_target_seconds", frozenset({("team", "payments")}))]


def test_what_is_unknown_is_counted_for_the_report() -> None:
    """Moments that nothing tells, and latencies that could not be told as they are."""
    history = History(GRID, BOUNDS)
    history.add(story(("CREATE", 0.0), sighting=Sighting(ALERT_ID, is_acked=True)))
    history.add(story(("CREATE", 0.0), sighting=Sighting(ALERT_ID, outcome=Outcome.CLOSED)))
    history.add(story(("ACTION", 30.0), ("CREATE", 70.0)))

    assert (history.undated_acks, history.undated_ends, history.rejected) == (1, 1, {"negative_latency": 1})
