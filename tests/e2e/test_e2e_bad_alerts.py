"""Bad alerts: what a source says of a single one holds up neither that one for good nor any other."""

from pathlib import Path

from tests.e2e.bad_days import (
    FEW,
    INTERVAL,
    SLOW,
    TIMEOUT,
    WINDOW,
    Clothes,
    Deployment,
    Exporter,
    expect_right,
    in_both_clothes,
    lines,
    most_tries,
    own,
    watch_for,
    watched_leaping,
    watched_process,
)
from tests.e2e.harness import wait_until


def expect_given_up(exporter: Exporter, deployment: Deployment, state: str, alerts: int = 1) -> None:
    """Wait until so many alerts are given up; the others are told as they are."""
    lagging = [deployment.acked if state == "quarantined" else deployment.new] if alerts else []

    def is_told() -> bool:
        given_up = own(exporter, "watched_alerts", deployment.name, state=state)
        return given_up == alerts and not deployment.wrong(exporter.samples(), lagging)

    wait_until(is_told, within=20)
    assert own(exporter, "watched_alerts", deployment.name, state=state) == alerts
    assert deployment.wrong(exporter.samples(), lagging) == {}


@in_both_clothes
def test_a_wrong_request_is_not_repeated(clothes: Clothes, tmp_path: Path) -> None:
    """An alert whose request is wrong is soon left alone for half an hour or more; the others do not wait for it."""
    with watched_leaping(tmp_path, clothes, "prod") as (exporter, (prod,)):
        asked = prod.asked_about(prod.acked)
        prod.switch(bad_request=1, only_ids=[prod.acked])
        prod.become_evening()
        expect_given_up(exporter, prod, "quarantined")
        assert prod.asked_about(prod.acked) - asked <= FEW + most_tries(INTERVAL, WINDOW)
        assert own(exporter, "poll_failures_total", "prod", reason="bad_request") > 0
        exporter.leap(300)  # past the retry that may have been planned before it was given up
        watch_for(1.5)
        refused = prod.asked_about(prod.acked)
        exporter.leap(1200)
        watch_for(1.5)
        assert prod.asked_about(prod.acked) == refused
        prod.switch()

        exporter.leap(3600)

        expect_right(exporter, [prod])
        expect_given_up(exporter, prod, "quarantined", 0)


@in_both_clothes
def test_an_unknown_alert_is_missing_after_a_few_tries(clothes: Clothes, tmp_path: Path) -> None:
    """An alert that the source does not know is asked for four times, then rarely; the others do not wait for it."""
    with watched_leaping(tmp_path, clothes, "prod") as (exporter, (prod,)):
        prod.switch(not_found=1, only_ids=[prod.new])
        prod.become_evening()
        for tries in range(1, 5):
            wait_until(lambda: prod.asked_about(prod.new) == tries, within=10)  # noqa: B023 - called here only
            watch_for(0.5)
            assert prod.asked_about(prod.new) == tries
            exporter.leap(5)
        expect_given_up(exporter, prod, "missing")
        assert own(exporter, "poll_failures_total", "prod", reason="no_such_alert") == 4
        exporter.leap(1200)
        watch_for(1.5)
        assert prod.asked_about(prod.new) == 4
        prod.switch()

        exporter.leap(3600)

        expect_right(exporter, [prod])
        expect_given_up(exporter, prod, "missing", 0)


@in_both_clothes
def test_a_poisoned_alert_is_quarantined(clothes: Clothes, tmp_path: Path) -> None:
    """It is asked ever more rarely, named in the log once, and freed at its first good answer; the others go on."""
    with watched_process(tmp_path, clothes, "prod") as (exporter, (prod,)):
        asked = prod.asked_about(prod.acked)
        prod.switch(poison=[prod.acked])
        prod.become_evening()
        watch_for(WINDOW)
        assert prod.wrong(exporter.samples(), lagging=[prod.acked]) == {}
        assert prod.asked_about(prod.acked) - asked <= FEW + most_tries(INTERVAL, WINDOW)
        expect_given_up(exporter, prod, "quarantined")
        assert own(exporter, "poll_failures_total", "prod", reason="upstream") > 0
        assert own(exporter, "source_up", "prod") == 1
        (line,) = lines(exporter, "alert is given up", "prod")
        assert f"alert_id={prod.acked}" in line

        prod.switch()

        expect_right(exporter, [prod])
        expect_given_up(exporter, prod, "quarantined", 0)


@in_both_clothes
def test_a_slow_alert_delays_no_other(clothes: Clothes, tmp_path: Path) -> None:
    """While one alert times out again and again, the others and the searches keep the pace of an untroubled twin."""
    with watched_process(tmp_path, clothes, "prod", "twin") as (exporter, (prod, twin)):
        prod.switch(slow=1, slow_seconds=SLOW, only_ids=[prod.acked])
        before = prod.searches(), twin.searches()
        for deployment in (prod, twin):
            deployment.become_evening()

        watch_for(WINDOW)

        searches = prod.searches() - before[0], twin.searches() - before[1]
        assert searches[0] >= 0.7 * searches[1]
        assert twin.wrong(exporter.samples()) == {}
        assert prod.wrong(exporter.samples(), lagging=[prod.acked]) == {}
        assert own(exporter, "poll_failures_total", "prod", reason="timeout") > 0
        assert own(exporter, "overdue_seconds", "twin") < TIMEOUT
