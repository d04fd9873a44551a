"""The world: reproducible, in order, and never ahead of its time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator import Dialect, Faults, SimulatorSettings, World

SETTINGS = SimulatorSettings(history=36_000.0, alerts_per_hour=60.0)
EPOCH = SETTINGS.epoch
EVERYTHING = {"bk_biz_ids": [-1], "start_time": 0, "end_time": int(EPOCH) + 86_400, "page_size": 5000}
BOTH = {"CREATE", "ACTION", "CONVERGE", "ACK", "RECOVER", "CLOSE"}
RARE = {"SEVERITY_UP", "DELAY_RECOVER", "ABORT_RECOVER"}
LIVED = World(replace(SETTINGS, history=864_000.0, alerts_per_hour=5.0))


def truths(world: World, now: float) -> list[dict[str, Any]]:
    """Return the truth of each alert."""
    alerts = world.truth(now)["alerts"]
    assert isinstance(alerts, list)
    return alerts


def record_count(truth: dict[str, Any], operate: str) -> int:
    """Return how many rows of an operate the truth counts."""
    return sum(truth["records"].get(operate, {}).values())


def totals(world: World, now: float) -> dict[str, Any]:
    """Return the sums over all alerts."""
    sums = world.truth(now)["totals"]
    assert isinstance(sums, dict)
    return sums


@pytest.mark.parametrize("dialect", ["documented", "today"])
def test_same_seed_same_world(dialect: Dialect) -> None:
    """Two worlds of one seed give the same answers, whatever was asked of them before."""
    chosen = replace(SETTINGS, dialect=dialect)
    one, other = World(chosen), World(chosen)
    other.alerts(EPOCH - 7200)
    other.truth(EPOCH + 3600)

    assert one.truth(EPOCH) == other.truth(EPOCH)
    assert one.search(EVERYTHING, EPOCH) == other.search(EVERYTHING, EPOCH)
    assert [one.log(alert.id, EPOCH) for alert in one.alerts(EPOCH)] == [
        other.log(alert.id, EPOCH) for alert in other.alerts(EPOCH)
    ]


def test_another_seed_is_another_world() -> None:
    """Seeds differ in which alerts there are."""
    assert World(SETTINGS).alerts(EPOCH) != World(replace(SETTINGS, seed=2)).alerts(EPOCH)


def test_ids_are_unique_and_begin_with_the_creation() -> None:
    """An id is ten digits of creation and a sequence of five to seven, even where many share a second."""
    alerts = World(replace(SETTINGS, history=60.0, alerts_per_hour=120_000.0)).alerts(EPOCH)

    assert len({alert.id for alert in alerts}) == len(alerts) > 1800
    assert {len(alert.id) for alert in alerts} == {15, 16, 17}
    assert all(int(alert.id[:10]) == alert.created_at for alert in alerts)


def test_create_row_is_written_in_the_second_of_the_id() -> None:
    """The CREATE row says in the server's zone what the id says in unix seconds."""
    world, zone = World(replace(SETTINGS, timezone="America/New_York")), ZoneInfo("America/New_York")

    for alert in world.alerts(EPOCH)[:50]:
        log = world.log(alert.id, EPOCH) or []
        (create,) = (row for row in log if row["operate"] == "CREATE")
        written = datetime.fromisoformat(str(create["create_time"])).replace(tzinfo=zone)
        assert written.timestamp() == alert.created_at


def test_an_alert_is_unknown_before_its_time() -> None:
    """One second before its creation nobody sees an alert, even if the world was asked about later times."""
    world = World(SETTINGS)
    alert = world.alerts(EPOCH)[-1]

    assert world.log(alert.id, alert.created_at - 1) is None
    assert alert not in world.alerts(alert.created_at - 1)
    assert alert.id not in str(world.search(EVERYTHING, alert.created_at - 1))
    assert world.log(alert.id, alert.created_at) is not None


def test_threads_see_one_world() -> None:
    """Threads that ask at the same time get what one alone would get."""
    world, alone = World(SETTINGS), World(SETTINGS).alerts(EPOCH)
    moments = [EPOCH - 600 * step for step in range(40)]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(world.alerts, moments))

    assert together == [tuple(alert for alert in alone if alert.created_at <= moment) for moment in moments]


def test_an_unknown_id_has_no_log() -> None:
    """An id that was never given out is not known."""
    assert World(SETTINGS).log("168387970514723", EPOCH) is None


def test_alerts_are_created_within_history_and_duration() -> None:
    """Nothing is created before the history or after the duration, and the rate is about that asked for."""
    created = [alert.created_at for alert in World(replace(SETTINGS, duration=600.0)).alerts(EPOCH + 1e9)]

    assert created[0] >= EPOCH - 36_000
    assert created == sorted(created)
    assert created[-1] <= EPOCH + 600
    assert 500 < len(created) < 720


def test_a_quiet_world_has_no_alerts() -> None:
    """A rate of zero is a world without alerts."""
    assert World(replace(SETTINGS, alerts_per_hour=0.0)).alerts(EPOCH + 1e9) == ()


@pytest.mark.parametrize("dialect", ["documented", "today"])
def test_lives_are_realistic(dialect: Dialect) -> None:
    """About 30 % of alerts are never acknowledged, 2 % twice at once; half recover within 40 minutes."""
    world = World(replace(LIVED.settings, dialect=dialect, history=864_000.0, duration=0.0))
    alerts = truths(world, EPOCH + 86_400)
    sums = totals(world, EPOCH + 86_400)
    recoveries = sums["time_to_end"]["recovered"]

    assert 0.25 < sum(alert["acked_at"] is None for alert in alerts) / len(alerts) < 0.35
    assert 0.01 < sum(record_count(alert, "ACK") == 2 for alert in alerts) / len(alerts) < 0.03
    assert max(record_count(alert, "ACK") for alert in alerts) == 2
    assert 2100 < recoveries[len(recoveries) // 2] < 2700
    assert sum(sums["open"]["true"].values()) + sum(sums["open"]["false"].values()) > 0


def test_nobody_acknowledges_after_the_end() -> None:
    """Every ACK comes before the end of its alert."""
    for alert in truths(LIVED, EPOCH):
        if alert["ended_at"] is not None and alert["acked_at"] is not None:
            assert alert["acked_at"] < alert["ended_at"]


def test_flow_control_leaves_no_terminal_row() -> None:
    """Of an alert that flow control closed only search_alert knows the end."""
    closed = [alert for alert in truths(LIVED, EPOCH) if record_count(alert, "ALERT_QOS")]

    assert closed
    assert {(alert["outcome"], alert["ended_in_search"], alert["search_outcome"]) for alert in closed} == {
        (None, True, "closed")
    }


@pytest.mark.parametrize(
    ("dialect", "operates"),
    [
        ("documented", {*BOTH, "ANOMALY_NOTICE", "SYSTEM_CLOSE", "SYSTEM_RECOVER", *RARE}),
        ("today", {*BOTH, "EVENT_DROP", "RECOVERING", "ALERT_QOS"}),
    ],
)
def test_a_dialect_speaks_its_own_operates(dialect: Dialect, operates: set[str]) -> None:
    """Over many lives exactly the operates of the dialect appear."""
    world = World(replace(LIVED.settings, dialect=dialect))

    assert set(totals(world, EPOCH)["records"]) == operates


def test_notices_of_old_can_fail() -> None:
    """In the documented dialect notices also end with FAILED and PARTIAL_SUCCESS."""
    world = World(replace(LIVED.settings, dialect="documented"))

    assert set(totals(world, EPOCH)["records"]["ANOMALY_NOTICE"]) == {"SUCCESS", "FAILED", "PARTIAL_SUCCESS"}


def test_speed_shortens_lives_but_not_the_pauses_between_them() -> None:
    """At speed 60 the same alerts are created at the same times and live a sixtieth as long."""
    slow, fast = (World(replace(LIVED.settings, speed=speed)) for speed in (1.0, 60.0))
    slow_ends = {alert["id"]: alert["ended_at"] for alert in truths(slow, EPOCH)}

    assert [alert.id for alert in slow.alerts(EPOCH)] == [alert.id for alert in fast.alerts(EPOCH)]
    for alert in truths(fast, EPOCH):
        created_at, slow_end = alert["created_at"], slow_ends[alert["id"]]
        if slow_end is not None:
            assert alert["ended_at"] - created_at == (slow_end - created_at) // 60


def test_lost_rows_never_show() -> None:
    """With a share of rows lost, about that share is missing for good, CREATE rows too."""
    torn = World(replace(LIVED.settings, faults=Faults(lost_rows=0.3)))
    created, kept = (totals(world, EPOCH)["records"]["CREATE"]["SUCCESS"] for world in (LIVED, torn))

    assert 0.65 < kept / created < 0.75


def test_late_rows_show_after_their_delay() -> None:
    """A late row is missing until its delay has passed, then it stands at its own time."""
    late = replace(SETTINGS, duration=0.0, faults=Faults(late_rows=1.0, late_seconds=30.0))
    punctual, delayed = World(replace(late, faults=Faults())), World(late)
    alert = delayed.alerts(EPOCH)[0]

    assert delayed.log(alert.id, alert.created_at + 29) == []
    assert delayed.log(alert.id, EPOCH + 30) == punctual.log(alert.id, EPOCH)


@pytest.mark.parametrize("faults", [Faults(lost_rows=0.5), Faults(late_rows=0.5, late_seconds=1e9)])
def test_racing_acks_share_their_fate(faults: Faults) -> None:
    """Of two ACKs that race either both show or neither."""
    whole, torn = truths(LIVED, EPOCH), truths(World(replace(LIVED.settings, faults=faults)), EPOCH)
    pairs = {true["id"] for true in whole if record_count(true, "ACK") == 2}

    assert {record_count(seen, "ACK") for seen in torn if seen["id"] in pairs} == {0, 2}


@pytest.mark.parametrize("dialect", ["documented", "today"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_visible_counts_never_fall(dialect: Dialect, data: st.DataObject) -> None:
    """What is visible of each operate and status only grows, also with lost and late rows that roll."""
    faults = Faults(lost_rows=0.1, late_rows=0.4, late_seconds=data.draw(st.sampled_from([3.0, 90.0, 600.0])))
    world = World(
        SimulatorSettings(
            seed=data.draw(st.integers(0, 1000)),
            dialect=dialect,
            history=1800.0,
            duration=0.0,
            alerts_per_hour=6.0,
            speed=data.draw(st.sampled_from([1.0, 60.0])),
            faults=faults,
        )
    )
    moments = sorted(data.draw(st.lists(st.integers(-1800, 7200), min_size=2, max_size=8)))
    before: dict[tuple[str, str, str], int] = {}

    for moment in moments:
        after = visible_counts(world, EPOCH + moment)
        assert all(after.get(key, 0) >= count for key, count in before.items())
        before = after


def visible_counts(world: World, now: float) -> dict[tuple[str, str, str], int]:
    """Return the visible rows by alert, operate and status."""
    counts = {}
    for alert in truths(world, now):
        for operate, by_status in alert["records"].items():
            for status, count in by_status.items():
                counts[alert["id"], operate, status] = count
    return counts


@pytest.mark.parametrize(
    "wrong",
    [
        {"dialect": "old"},
        {"auth": "cookie"},
        {"speed": 0.0},
        {"alerts_per_hour": -1.0},
        {"timezone": "Mars/Base"},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    """Settings that no server can have fail when they are made, not when they are used."""
    with pytest.raises((ValueError, KeyError), match=r"expected|found"):
        replace(SETTINGS, **wrong)  # type: ignore[arg-type] # wrong values are the point
