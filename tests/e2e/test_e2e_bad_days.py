"""Bad days: what each row of api.md's table "When it says no" does to metrics and pace, and that it passes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.bad_days import (
    CONCURRENCY,
    FEW,
    INTERVAL,
    SLOW,
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
from tests.e2e.harness import flow_samples, wait_until

REFUSALS = {"esb_auth": "200", "gateway_secret": "400", "forbidden_empty": "403"}
TOO_FAST = {"gateway_rate": "429", "esb_rate": "200"}
TROUBLE = {
    "http_500": ("upstream", "500"),
    "http_502_html": ("upstream", "502"),
    "not_json": ("unreadable", "200"),
    "empty_body": ("unreadable", "200"),
    "cut_json": ("unreadable", "200"),
    "reset": ("unreachable", "error"),
    "slow": ("timeout", "error"),
}
FIRST_PAUSE = 1.0
RETRY_AFTER = 60

in_both_reaches = pytest.mark.parametrize("logs_only", [False, True], ids=["everything", "logs"])


def counts(deployments: Sequence[Deployment]) -> dict[str, int]:
    """Return how many requests each got so far."""
    return {deployment.name: deployment.asked() for deployment in deployments}


def all_down(exporter: Exporter, deployments: Sequence[Deployment]) -> bool:
    """Tell whether no source is up."""
    return not any(own(exporter, "source_up", deployment.name) for deployment in deployments)


def expect_counted(exporter: Exporter, source: str, *, logs_only: bool, reason: str, code: str) -> None:
    """Wait until requests that ended with a code are counted and, where logs failed, polls under their reason.

    Where everything fails it is up to chance whether a log or a search is asked for first, and then the other waits.
    """
    endpoints = ["get_event_log"] if logs_only else ["get_event_log", "search_alert"]

    def is_counted() -> bool:
        requests = sum(own(exporter, "requests_total", source, endpoint=e, code=code) for e in endpoints)
        return requests > 0 and (not logs_only or own(exporter, "poll_failures_total", source, reason=reason) > 0)

    wait_until(is_counted, within=10)
    assert is_counted()


@in_both_reaches
@in_both_clothes
def test_a_refused_caller_asks_no_more(clothes: Clothes, logs_only: bool, tmp_path: Path) -> None:
    """Who is not allowed lets end what is under way and is down, with one line in the log; no request follows."""
    with watched_process(tmp_path, clothes, *REFUSALS) as (exporter, deployments):
        before = {}
        for deployment in deployments:
            deployment.refuse(deployment.name, logs_only=logs_only)
            before[deployment.name] = deployment.asked()
            deployment.become_evening()
        wait_until(lambda: all_down(exporter, deployments), within=15)
        assert all_down(exporter, deployments)
        refused = counts(deployments)

        watch_for(2)

        assert counts(deployments) == refused
        for name, code in REFUSALS.items():
            expect_counted(exporter, name, logs_only=logs_only, reason="not_allowed", code=code)
            assert len(lines(exporter, "source is in trouble", name)) == 1
            assert refused[name] - before[name] <= CONCURRENCY + FEW


@in_both_clothes
def test_a_refused_caller_is_let_in_again(clothes: Clothes, tmp_path: Path) -> None:
    """Not before a minute has passed a single request tries again; let in again, nothing is missing."""
    with watched_leaping(tmp_path, clothes, *REFUSALS) as (exporter, deployments):
        for deployment in deployments:
            deployment.refuse(deployment.name)
            deployment.become_evening()
        wait_until(lambda: all_down(exporter, deployments), within=15)
        refused = counts(deployments)
        exporter.leap(30)
        watch_for(1.5)
        assert counts(deployments) == refused
        exporter.leap(600)
        tried_again = {name: count + 1 for name, count in refused.items()}
        wait_until(lambda: counts(deployments) == tried_again, within=10)
        watch_for(1.5)
        assert counts(deployments) == tried_again
        for deployment in deployments:
            deployment.switch()

        exporter.leap(600)

        expect_right(exporter, deployments)


@in_both_reaches
@in_both_clothes
def test_too_fast_waits_what_the_server_says_else_backs_off(clothes: Clothes, logs_only: bool, tmp_path: Path) -> None:
    """The source waits the seconds of X-Bkapi-RateLimit-Reset, or ever longer ones; then nothing is missing."""
    with watched_process(tmp_path, clothes, *TOO_FAST) as (exporter, deployments):
        for deployment in deployments:
            deployment.refuse(deployment.name, logs_only=logs_only, retry_after=WINDOW)
            deployment.become_evening()
        told_to_wait, left_alone = deployments
        before = counts(deployments)
        watch_for(WINDOW - 0.5)  # shorter than the wait, which began later than this
        after = counts(deployments)
        assert after[told_to_wait.name] - before[told_to_wait.name] <= CONCURRENCY + FEW
        assert after[left_alone.name] - before[left_alone.name] <= CONCURRENCY + FEW + most_tries(FIRST_PAUSE, WINDOW)
        wait_until(lambda: told_to_wait.asked() > after[told_to_wait.name], within=WINDOW)
        assert told_to_wait.asked() > after[told_to_wait.name]
        for name, code in TOO_FAST.items():
            expect_counted(exporter, name, logs_only=logs_only, reason="too_fast", code=code)
        for deployment in deployments:
            deployment.switch()

        expect_right(exporter, deployments)


@in_both_clothes
def test_trouble_with_logs_is_retried_ever_more_rarely(clothes: Clothes, tmp_path: Path) -> None:
    """Each alert backs off for itself while searches go on, under the reason that fits; then nothing is missing."""
    with watched_process(tmp_path, clothes, *TROUBLE) as (exporter, deployments):
        for deployment in deployments:
            deployment.refuse(deployment.name, logs_only=True, slow_seconds=SLOW)
            deployment.become_evening()
        before = {d.name: [d.asked_about(alert_id) for alert_id in d.alert_ids] for d in deployments}
        watch_for(WINDOW)
        for deployment in deployments:
            for alert_id, asked in zip(deployment.alert_ids, before[deployment.name], strict=True):
                assert deployment.asked_about(alert_id) - asked <= FEW + most_tries(INTERVAL, WINDOW)
            reason, code = TROUBLE[deployment.name]
            expect_counted(exporter, deployment.name, logs_only=True, reason=reason, code=code)
        for deployment in deployments:
            deployment.switch()

        expect_right(exporter, deployments)

        wait_until(lambda: not any(own(exporter, "watched_alerts", n, state="quarantined") for n in TROUBLE), within=10)
        assert [n for n in TROUBLE if own(exporter, "watched_alerts", n, state="quarantined")] == []


@in_both_clothes
def test_trouble_everywhere_takes_the_source_down(clothes: Clothes, tmp_path: Path) -> None:
    """A source that answers nothing is down, keeps its totals, and is asked within bounds; then nothing is missing."""
    with watched_process(tmp_path, clothes, *TROUBLE) as (exporter, deployments):
        told = flow_samples(exporter.samples())
        for deployment in deployments:
            deployment.refuse(deployment.name, slow_seconds=SLOW)
        before = counts(deployments)
        watch_for(WINDOW)
        searches, logs = WINDOW / INTERVAL + 1, 3 * most_tries(INTERVAL, WINDOW)
        for name, count in counts(deployments).items():
            assert count - before[name] <= searches + logs
        wait_until(lambda: all_down(exporter, deployments), within=10)
        assert all_down(exporter, deployments)
        assert flow_samples(exporter.samples()) == told
        for deployment in deployments:
            reason, code = TROUBLE[deployment.name]
            expect_counted(exporter, deployment.name, logs_only=False, reason=reason, code=code)
            deployment.become_evening()
            deployment.switch()

        expect_right(exporter, deployments)


@in_both_clothes
def test_sources_that_are_down_leave_another_alone(clothes: Clothes, tmp_path: Path) -> None:
    """While other sources answer nothing, each in its way, all that happens at this one is told within seconds."""
    with watched_process(tmp_path, clothes, "fine", "reset", "slow", "forbidden_empty", "gateway_rate") as running:
        exporter, (fine, *down) = running
        for deployment in down:
            deployment.refuse(deployment.name, slow_seconds=SLOW, retry_after=RETRY_AFTER)
        watch_for(1)
        before = fine.searches()
        fine.become_evening()

        # Long before those that are told to wait may ask again.
        wait_until(
            lambda: fine.searches() - before > FEW and not fine.wrong(exporter.samples()), within=RETRY_AFTER / 3
        )

        assert fine.searches() - before > FEW
        assert fine.wrong(exporter.samples()) == {}
        assert own(exporter, "source_up", "fine") == 1
        assert lines(exporter, "source is in trouble", "fine") == []
