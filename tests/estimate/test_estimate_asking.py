"""Which alerts are seen, under which labels, and what that asks of the source."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from exporter.config import LabelSettings, SourceSettings, load_config
from exporter.estimate import SeenSource, see_source
from exporter.flow.labels import make_labels
from exporter.simulator import Faults, Life, Row, Simulator, SimulatorSettings, life_of

NOW = 1_767_225_600.0
CREATED = int(NOW) - 600
Start = Callable[..., Simulator]


def alert(number: int, severity: int = 1, bk_biz_id: int = 2, **ends: int) -> Life:
    """Return the life of an alert that was created ten minutes ago; `ends` are rows by operate."""
    rows = [Row(CREATED, "CREATE"), *(Row(CREATED + at, operate) for operate, at in ends.items())]
    return life_of(f"{CREATED}{number:05}", rows, severity=severity, bk_biz_id=bk_biz_id)


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a simulated source with these alerts, whose clock stands."""
    with ExitStack() as running:

        def start(lives: list[Life], **settings: object) -> Simulator:
            world = SimulatorSettings(**settings)  # type: ignore[arg-type] # fields by name
            return running.enter_context(Simulator(world, now=lambda: NOW, lives=lives))

        yield start


@pytest.fixture
def source(tmp_path: Path) -> Callable[[Simulator, str], SourceSettings]:
    """Return a function that gives the source of a config with these watches."""

    def source(simulator: Simulator, watch: str) -> SourceSettings:
        path = tmp_path / "config.yaml"
        path.write_text(
            f"sources: [{{name: sim, url: {simulator.url}, watch: {watch}, rate_limit: {{requests_per_second: 4}},\n"
            "  auth: {app_code: flow-exporter, app_secret: not-a-secret, username: admin}}]\n"
        )
        return load_config(path, {}).sources[0]

    return source


def see(source: SourceSettings, pauses: list[float] | None = None) -> SeenSource:
    """Return what the watches select at NOW, of the last hour, with the severity as a label."""
    return see_source(
        source, [LabelSettings(field="severity")], window=3600, now=NOW, pause=([] if pauses is None else pauses).append
    )


Source = Callable[[Simulator, str], SourceSettings]


def test_the_first_watch_that_selects_an_alert_gives_it_its_labels(start: Start, source: Source) -> None:
    """Searches in the order of the config; of what only the second one finds, its own labels."""
    simulator = start([alert(1), alert(2, severity=3, bk_biz_id=3)])
    watch = "[{search: {bk_biz_ids: [2]}, labels: {team: a}}, {search: {bk_biz_ids: [-1]}, labels: {team: b}}]"

    assert {seen.labels for seen in see(source(simulator, watch)).alerts} == {
        make_labels({"source": "sim", "severity": "fatal", "team": "a"}),
        make_labels({"source": "sim", "severity": "remind", "team": "b"}),
    }


def test_lists_come_before_searches_which_tell_more_of_what_they_find(start: Start, source: Source) -> None:
    """As in the exporter, a listed alert keeps the list's labels; what a search says of its state holds."""
    acked = alert(1, ACK=60)
    simulator = start([acked])
    watch = f"[{{search: {{bk_biz_ids: [2]}}}}, {{alerts: ['{acked.alert.id}', '7'], labels: {{team: listed}}}}]"

    seen = see(source(simulator, watch)).alerts
    assert [s.labels for s in seen] == [make_labels({"source": "sim", "team": "listed"})] * 2
    assert [(s.sighting is not None, s.is_open, s.is_acked) for s in seen] == [(True, True, True), (False, True, False)]


def test_what_ended_within_the_window_is_seen_as_ended(start: Start, source: Source) -> None:
    """The exporter's first cycle would count it, too."""
    simulator = start([alert(1, RECOVER=300), alert(2)])

    seen = see(source(simulator, "[{search: {bk_biz_ids: [2]}}]")).alerts
    assert sorted(s.is_open for s in seen) == [False, True]


def test_no_log_is_asked_for_and_the_pace_is_the_rate_limits(start: Start, source: Source) -> None:
    """One page for each search, each followed by a pause as long as the rate limit asks."""
    simulator = start([alert(number) for number in range(3)])
    pauses: list[float] = []
    see(source(simulator, "[{search: {bk_biz_ids: [2]}}, {search: {bk_biz_ids: [3]}}, {alerts: [7]}]"), pauses)

    asked = requests.get(f"{simulator.url}/-/requests", timeout=5).json()["endpoints"]
    assert asked == {"get_event_log": 0, "search_alert": 2}
    assert pauses == [0.25, 0.25]


def test_one_search_that_is_refused_leaves_the_others_counted(start: Start, source: Source) -> None:
    """What is wrong with one watch is its own; the server's words are told."""
    simulator = start([alert(1)])
    watch = "[{search: {bk_biz_ids: [2], query_string: '((('}}, {search: {bk_biz_ids: [2]}}]"

    seen = see(source(simulator, watch))
    assert len(seen.alerts) == 1
    assert len(seen.troubles) == 1
    assert seen.troubles[0].startswith("search_alert: ")


def test_a_source_that_does_not_let_us_in_is_asked_once(start: Start, source: Source) -> None:
    """The next search would be refused as well: it is not made, and that is said."""
    simulator = start([alert(1)], faults=Faults(gateway_rate=1.0))

    seen = see(source(simulator, "[{search: {bk_biz_ids: [2]}}, {search: {bk_biz_ids: [3]}}, {alerts: [7]}]"))
    assert len(seen.alerts) == 1
    assert len(seen.troubles) == 2
    assert seen.troubles[1] == "1 more search(es) were not made"
    assert requests.get(f"{simulator.url}/-/requests", timeout=5).json()["endpoints"]["search_alert"] == 1
